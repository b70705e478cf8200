//! Who another host is told that we are. Secrets are in files or in the environment, never in the configuration, and are read
//! whenever they are used: who replaces a file need not tell.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::sys::secret::Secret;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Auth {
    pub user: Option<(String, Secret)>,
    pub bearer: Option<Secret>,
    /// Headers that are no secret.
    pub headers: Vec<(String, String)>,
    pub secret_headers: Vec<(String, Secret)>,
}

impl Auth {
    /// As headers of HTTP.
    pub fn http_headers(&self) -> Result<Vec<(String, String)>, String> {
        let mut headers = self.headers.clone();
        for (name, secret) in &self.secret_headers {
            headers.push((name.clone(), secret.read()?));
        }
        if let Some((user, password)) = &self.user {
            let pair = STANDARD.encode(format!("{user}:{}", password.read()?));
            headers.push(("authorization".to_owned(), format!("Basic {pair}")));
        }
        if let Some(token) = &self.bearer {
            headers.push(("authorization".to_owned(), format!("Bearer {}", token.read()?)));
        }
        Ok(headers)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_become_headers_and_are_not_shown() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        let auth = Auth {
            user: Some(("Aladdin".into(), Secret::File(path.clone()))),
            headers: vec![("X-Scope-OrgID".into(), "tenant".into())],
            ..Auth::default()
        };
        std::fs::write(&path, "open sesame").unwrap();
        let headers = auth.http_headers().unwrap();
        // The example of RFC 7617.
        assert_eq!(headers[1], ("authorization".into(), "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==".into()));
        assert!(!format!("{auth:?}").contains("sesame"));
    }
}

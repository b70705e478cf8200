//! How a generation is compressed, and which command lines we do ourselves.

/// How a generation is compressed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Compressor {
    /// Built in. Level 1..=9.
    Gzip(u32),
    /// Built in. Level 1..=19.
    Zstd(i32),
    /// `compresscmd`: stdin is the plain file, stdout the compressed one.
    Command { program: String, options: Vec<String>, run_as: Option<(u32, u32)> },
}

const GZIP_LEVEL: u32 = 6;
const ZSTD_LEVEL: i32 = 3;

impl Default for Compressor {
    fn default() -> Compressor {
        Compressor::Gzip(GZIP_LEVEL)
    }
}

impl Compressor {
    /// The built-in one that does what this command line would, or the command: whoever writes an option that we do
    /// not know for certain gets the program that knows it.
    pub fn of(program: &str, options: &[String], run_as: Option<(u32, u32)>) -> Compressor {
        let built_in = match program {
            "gzip" | "/bin/gzip" | "/usr/bin/gzip" | "pigz" | "/usr/bin/pigz" => gzip(options),
            "zstd" | "/bin/zstd" | "/usr/bin/zstd" => zstd(options),
            _ => None,
        };
        let options = options.to_vec();
        built_in.unwrap_or_else(|| Compressor::Command { program: program.to_owned(), options, run_as })
    }
}

/// A level, and options that mean nothing between stdin and stdout. Not `-n`: our header has the time of the file.
fn gzip(options: &[String]) -> Option<Compressor> {
    let mut level = GZIP_LEVEL;
    for option in options {
        match option.as_str() {
            "--fast" => level = 1,
            "--best" => level = 9,
            "--stdout" | "--to-stdout" | "--quiet" | "--force" | "--keep" | "--name" => {}
            short => {
                // pigz takes two digits for one number.
                let letters = letters(short)?;
                if letters.clone().filter(char::is_ascii_digit).count() > 1 {
                    return None;
                }
                for letter in letters {
                    match letter {
                        '1'..='9' => level = letter.to_digit(10)?,
                        'c' | 'q' | 'f' | 'k' | 'N' => {}
                        _ => return None,
                    }
                }
            }
        }
    }
    Some(Compressor::Gzip(level))
}

/// The same for zstd, whose levels have two digits. `--fast`, `--ultra` and `--long` make something else.
fn zstd(options: &[String]) -> Option<Compressor> {
    let mut level = ZSTD_LEVEL;
    for option in options {
        match option.as_str() {
            "--stdout" | "--quiet" | "--force" | "--keep" | "-c" | "-q" | "-f" | "-k" | "-T0" | "--threads=0" => {}
            number => level = letters(number)?.as_str().parse().ok().filter(|level| (1..=19).contains(level))?,
        }
    }
    Some(Compressor::Zstd(level))
}

/// What follows the one dash of a short option.
fn letters(option: &str) -> Option<std::str::Chars<'_>> {
    let rest = option.strip_prefix('-')?;
    (rest.starts_with(|c: char| c.is_ascii_alphanumeric())).then(|| rest.chars())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_command_lines_are_built_in() {
        let check = |program: &str, options: &str, want: Option<Compressor>| {
            let options: Vec<String> = options.split_whitespace().map(str::to_owned).collect();
            let run_as = Some((1, 2));
            let command = Compressor::Command { program: program.to_owned(), options: options.clone(), run_as };
            assert_eq!(Compressor::of(program, &options, run_as), want.unwrap_or(command), "{program} {options:?}");
        };
        let (gzip, zstd) = (|level| Some(Compressor::Gzip(level)), |level| Some(Compressor::Zstd(level)));
        check("/bin/gzip", "", gzip(6));
        check("gzip", "-9", gzip(9));
        check("gzip", "-9 -1", gzip(1));
        check("gzip", "--best", gzip(9));
        check("gzip", "--fast", gzip(1));
        check("gzip", "-c9f", gzip(9));
        check("pigz", "-4", gzip(4));
        check("pigz", "-11", None);
        check("gzip", "-n", None);
        check("gzip", "-0", None);
        check("gzip", "-v", None);
        check("gzip", "-", None);
        check("gzip", "--", None);
        check("gzip", "--rsyncable", None);
        check("gzip", "9", None);
        check("/opt/gzip", "", None);
        check("zstd", "", zstd(3));
        check("zstd", "-1 -q", zstd(1));
        check("/usr/bin/zstd", "-19 -T0", zstd(19));
        check("zstd", "-20", None);
        check("zstd", "-0", None);
        check("zstd", "-9q", None);
        check("zstd", "--fast", None);
        check("zstd", "-+3", None);
        check("xz", "", None);
    }
}

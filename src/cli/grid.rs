//! Rows in columns, in a text of its own: cells may have a colour, and stand to the left or to the right.

/// How to draw.
#[derive(Clone, Copy, Debug)]
pub struct Style {
    pub colour: bool,
    /// Characters in a line.
    pub width: usize,
}

/// Characters in a line that no terminal limits: what is looked for in a pipe is not cut off.
const PLAIN_WIDTH: usize = 1000;

impl Style {
    /// That of standard output: with colour on a terminal, and as wide.
    pub fn of_output() -> Style {
        let colour = std::io::IsTerminal::is_terminal(&std::io::stdout());
        let width = terminal_size::terminal_size().map(|(width, _)| usize::from(width.0)).filter(|_| colour);
        Style { colour, width: width.unwrap_or(PLAIN_WIDTH).max(40) }
    }

    /// `text` in a terminal's colour, where there is colour.
    pub fn paint(self, text: &str, code: &str) -> String {
        if self.colour && !code.is_empty() && !text.is_empty() {
            format!("\x1b[{code}m{text}\x1b[0m")
        } else {
            text.to_owned()
        }
    }
}

/// A text and the code of its colour.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cell {
    pub text: String,
    pub code: &'static str,
}

impl<T: Into<String>> From<T> for Cell {
    fn from(text: T) -> Cell {
        Cell { text: text.into(), code: "" }
    }
}

/// The rows, each line behind `indent` spaces. `sides` has a letter for each column: `l` or `r`.
pub fn grid(rows: &[Vec<Cell>], sides: &str, indent: usize, style: Style) -> String {
    let sides: Vec<char> = sides.chars().collect();
    let length = |cell: &Cell| cell.text.chars().count();
    let width = |column: usize| rows.iter().filter_map(|row| row.get(column)).map(length).max().unwrap_or(0);
    let widths: Vec<usize> = (0..sides.len()).map(width).collect();
    let mut text = String::new();
    for row in rows {
        let mut line = " ".repeat(indent);
        let mut room = style.width.saturating_sub(indent);
        // Spaces are written when something follows them, so that no line ends with some.
        let mut gap = 0;
        for ((cell, width), side) in row.iter().zip(&widths).zip(&sides) {
            let shown = cut(&cell.text, room.saturating_sub(gap));
            let padding = width.saturating_sub(shown.chars().count());
            let (before, after) = if *side == 'r' { (padding, 0) } else { (0, padding) };
            if !shown.is_empty() {
                line.push_str(&" ".repeat(gap + before));
                line.push_str(&style.paint(&shown, cell.code));
                room = room.saturating_sub(gap + before + shown.chars().count());
                gap = 0;
            } else {
                gap += before;
            }
            gap += after + 2;
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// The text, or the head of it that fits.
pub fn cut(text: &str, most: usize) -> String {
    if most == 0 {
        return String::new();
    }
    if text.chars().count() <= most {
        text.to_owned()
    } else {
        text.chars().take(most.saturating_sub(1)).chain(['…']).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up() {
        let check = |rows: &[&[&str]], width: usize, want: &str| {
            let rows: Vec<Vec<Cell>> = rows.iter().map(|row| row.iter().map(|c| Cell::from(*c)).collect()).collect();
            assert_eq!(grid(&rows, "lrl", 1, Style { colour: false, width }), want);
        };
        check(&[&["a", "1", "x"], &["bcd", "20", ""], &["", "", "y"]], 80, " a     1  x\n bcd  20\n          y\n");
        check(&[&["abc", "1", "a long text"]], 15, " abc  1  a lon…\n");
        check(&[], 80, "");
    }

    #[test]
    fn colours_take_no_room() {
        let red = Cell { text: "no".into(), code: "31" };
        let rows = [vec![red, "x".into()], vec!["yes".into(), "y".into()]];
        let text = grid(&rows, "ll", 0, Style { colour: true, width: 80 });
        assert_eq!(text, "\x1b[31mno\x1b[0m   x\nyes  y\n");
    }
}

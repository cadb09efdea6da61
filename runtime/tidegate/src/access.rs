//! `tidegate access`: digests of passwords and tokens, for the file that `rest.access.file` names.

use std::io::{IsTerminal, Read};

use tidegate_rest::{SECRET_BYTES_MAX, new_token, password_digest};

use crate::args::{AccessArguments, AccessKind};
use crate::failure::Failure;
use crate::output::line;

/// Prints a digest, and for a token the token itself, which is kept nowhere.
pub fn run(arguments: &AccessArguments) -> Result<(), Failure> {
    match arguments.kind {
        AccessKind::Password => {
            let digest = password_digest(&password()?).map_err(Failure::Failed)?;
            Ok(line(&digest)?)
        }
        AccessKind::Token => {
            let (token, digest) = new_token().map_err(Failure::Failed)?;
            line(&format!("token  {token}"))?;
            Ok(line(&format!("sha256 {digest}"))?)
        }
    }
}

/// A password from standard input: its first line.
fn password() -> Result<String, Failure> {
    let mut input = std::io::stdin().lock();
    if input.is_terminal() {
        let message = "the password is read from standard input and would be seen here; write `tidegate access password < FILE`";
        return Err(Failure::Usage(message.to_owned()));
    }
    let mut bytes = Vec::new();
    let most = u64::try_from(SECRET_BYTES_MAX + 2).unwrap_or(u64::MAX);
    input.by_ref().take(most).read_to_end(&mut bytes)?;
    let text = String::from_utf8(bytes)
        .map_err(|_| Failure::Usage("the password is not UTF-8".to_owned()))?;
    let password = text.trim_end_matches(['\r', '\n']);
    match password.len() {
        0 => Err(Failure::Usage(
            "no password came on standard input".to_owned(),
        )),
        1..=SECRET_BYTES_MAX => Ok(password.to_owned()),
        _ => Err(Failure::Usage(format!(
            "the password has more than {SECRET_BYTES_MAX} bytes"
        ))),
    }
}

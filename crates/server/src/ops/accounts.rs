//! Signing up as a partner.

use domain::{
    ids::Ids,
    referral_code::ReferralCode,
    text::{Email, Name},
};
use store::{
    DbError, Tx,
    accounts::{Kind, NewAccount},
    partners,
};

use super::sessions;
use crate::app::Env;

/// What a person who signs up gives.
#[derive(Debug, Clone)]
pub struct SignUp {
    /// What the partner is called.
    pub name: Name,
    /// The partner's address.
    pub email: Email,
    /// The chosen password, hashed.
    pub password_hash: String,
    /// The browser, for the list of sessions.
    pub user_agent: String,
}

/// A partner who has just signed up.
#[derive(Debug, Clone)]
pub struct SignedUp {
    /// The account's identifier.
    pub partner_id: String,
    /// The new referral code.
    pub code: ReferralCode,
    /// The secret of the new session.
    pub token: String,
}

/// Why nobody could sign up.
#[derive(Debug, Clone, thiserror::Error)]
pub enum SignUpError {
    /// The address has an account already; nothing was made.
    #[error("You already have an account with this email address.")]
    Known,
    /// The database said no.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// Makes a partner with a code of its own and signs the partner in.
///
/// # Errors
/// [`SignUpError::Known`] when the email address has an account.
pub fn sign_up(tx: &mut Tx, env: &Env, input: &SignUp) -> Result<SignedUp, SignUpError> {
    let id = env.ids.uuid(env.now);
    let account = NewAccount {
        id: id.clone(),
        kind: Kind::Partner,
        name: input.name.to_string(),
        email: input.email.to_string(),
        email_key: input.email.key(),
        password_hash: Some(input.password_hash.clone()),
    };
    if !store::accounts::insert(tx, &account, env.now)? {
        return Err(SignUpError::Known);
    }
    let code = free_code(tx, env.ids.as_ref(), &account)?;
    let token = sessions::open(tx, env, &id, &input.user_agent, None)?;
    Ok(SignedUp { partner_id: id, code, token })
}

/// Draws codes until one is free. With 33 million codes the first one nearly always is.
fn free_code(tx: &mut Tx, ids: &dyn Ids, account: &NewAccount) -> Result<ReferralCode, DbError> {
    loop {
        let mut bytes = [0; 4];
        ids.fill(&mut bytes);
        let code = ReferralCode::from_number(u32::from_le_bytes(bytes) % (1 << 25));
        let search = format!("{}\n{}\n{code}", account.name, account.email);
        if partners::insert(tx, &account.id, code, &search)? {
            return Ok(code);
        }
    }
}

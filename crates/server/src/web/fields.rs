//! What a person typed into a form, with the errors beside the fields: one type from the request to the page.

use std::{collections::BTreeMap, fmt::Display};

use axum::{
    body::Bytes,
    extract::{FromRequest, FromRequestParts, Request},
    http::{StatusCode, header, request::Parts},
};

use super::error::PageError;

/// The fields of a form: what was typed, and what is wrong with it.
#[derive(Debug, Clone, Default)]
pub struct Fields {
    values: BTreeMap<String, String>,
    /// The names as they were sent: the order in which the page shows the fields.
    sent: Vec<String>,
    /// In the order in which they were found.
    errors: Vec<(String, String)>,
    form_error: Option<String>,
}

/// Fields that are never shown again.
const SECRETS: [&str; 2] = ["password", "current_password"];

impl Fields {
    /// The fields of an urlencoded text. Bytes that are no text become replacement signs, so that the check of
    /// the field can say something about them; of a field sent twice the first value counts.
    pub fn parse(body: &[u8]) -> Fields {
        let mut fields = Fields::default();
        for (name, value) in url::form_urlencoded::parse(body) {
            if !fields.values.contains_key(&*name) {
                fields.sent.push(name.clone().into_owned());
                fields.values.insert(name.into_owned(), value.into_owned());
            }
        }
        fields
    }

    /// A form that was not sent yet, with some values filled in.
    pub fn filled<const N: usize>(values: [(&str, &str); N]) -> Fields {
        let values = values.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        Fields { values, ..Fields::default() }
    }

    /// Fills one value in.
    pub fn set(&mut self, name: &str, value: impl Into<String>) {
        self.values.insert(name.to_owned(), value.into());
    }

    /// A field that was sent.
    pub(super) fn send(&mut self, name: &str, value: impl Into<String>) {
        self.sent.push(name.to_owned());
        self.set(name, value);
    }

    /// What was typed, for the operation. Secrets included.
    pub fn typed(&self, name: &str) -> &str {
        self.values.get(name).map_or("", String::as_str)
    }

    /// What was typed, for the page. Secrets are never shown again.
    pub fn value(&self, name: &str) -> &str {
        if SECRETS.contains(&name) { "" } else { self.typed(name) }
    }

    /// Whether a field was sent at all: tells a checked box from one that isn't.
    pub fn has(&self, name: &str) -> bool {
        self.values.contains_key(name)
    }

    /// The names of all fields that were sent, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.values.keys().map(String::as_str)
    }

    /// Reads a field; what is wrong with it is kept for the page.
    pub fn check<T, E: Display>(
        &mut self,
        name: &str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        match parse(self.typed(name)) {
            Ok(value) => Some(value),
            Err(error) => {
                self.refuse(name, error);
                None
            }
        }
    }

    /// Says what is wrong with a field.
    pub fn refuse(&mut self, name: &str, error: impl Display) {
        let error = error.to_string();
        match self.errors.iter_mut().find(|(of, _)| of == name) {
            Some((_, before)) => *before = error,
            None => self.errors.push((name.to_owned(), error)),
        }
    }

    /// Says what is wrong with the form as a whole.
    pub fn refuse_form(&mut self, error: impl Display) {
        self.form_error = Some(error.to_string());
    }

    /// What is wrong with a field.
    pub fn error(&self, name: &str) -> Option<&str> {
        self.errors.iter().find(|(of, _)| of == name).map(|(_, error)| error.as_str())
    }

    /// What is wrong with the form as a whole.
    pub fn form_error(&self) -> Option<&str> {
        self.form_error.as_deref()
    }

    /// What is wrong with the fields, in the order in which the page shows them. What no browser sends (a choice of
    /// which nothing is chosen) comes last.
    pub fn errors(&self) -> impl Iterator<Item = (&str, &str)> {
        let place = |name: &str| self.sent.iter().position(|sent| sent == name).unwrap_or(usize::MAX);
        let mut errors: Vec<_> =
            self.errors.iter().map(|(name, error)| (name.as_str(), error.as_str())).collect();
        errors.sort_by_key(|(name, _)| place(name));
        errors.into_iter()
    }

    /// Whether anything is wrong.
    pub fn is_refused(&self) -> bool {
        !self.errors.is_empty() || self.form_error.is_some()
    }
}

/// What the address of a page asks for, in its query. Read like a form: nothing in it makes a page fail.
#[derive(Debug, Clone, Default)]
pub struct Asked(Fields);

impl Asked {
    /// Reads the query of an address.
    pub fn parse(query: &str) -> Asked {
        Asked(Fields::parse(query.as_bytes()))
    }

    /// What is asked for under a name, or empty.
    pub fn value(&self, name: &str) -> &str {
        self.0.typed(name)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Asked {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Asked, Self::Rejection> {
        Ok(Asked::parse(parts.uri.query().unwrap_or_default()))
    }
}

impl<S: Send + Sync> FromRequest<S> for Fields {
    type Rejection = PageError;

    async fn from_request(request: Request, state: &S) -> Result<Fields, PageError> {
        let content_type = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let is_form = content_type.is_none_or(|text| text.starts_with("application/x-www-form-urlencoded"));
        if !is_form {
            return Err(PageError::status(StatusCode::UNSUPPORTED_MEDIA_TYPE));
        }
        let body = Bytes::from_request(request, state)
            .await
            .map_err(|rejection| PageError::status(rejection.status()))?;
        Ok(Fields::parse(&body))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_come_in_the_order_of_the_page() {
        let mut fields = Fields::parse(b"name=&email=x&about=&name=again");
        for name in ["kind", "about", "email", "name", "email"] {
            fields.refuse(name, format!("{name} is wrong."));
        }
        let names: Vec<&str> = fields.errors().map(|(name, _)| name).collect();
        assert_eq!(names, ["name", "email", "about", "kind"]);
        assert_eq!(fields.error("email"), Some("email is wrong."));
    }

    #[test]
    fn what_was_typed_is_kept_and_secrets_are_not_shown() {
        let mut fields = Fields::parse(b"name=A%20B&name=C&password=s3cret&bad=%ff%00");
        assert_eq!(fields.value("name"), "A B");
        assert_eq!(fields.typed("password"), "s3cret");
        assert_eq!(fields.value("password"), "");
        assert_eq!(fields.typed("bad"), "\u{fffd}\u{0}");
        assert_eq!(fields.value("missing"), "");
        assert!(fields.check("name", |_| Err::<(), _>("No.")).is_none());
        assert_eq!(fields.error("name"), Some("No."));
        assert!(fields.is_refused());
    }
}

//! A form with files in it. A form without any is read too, so that a text can be pasted instead.

use axum::{
    extract::{FromRequest, Multipart, Request},
    http::header,
};

use super::{error::PageError, fields::Fields};

/// A file that was chosen in a form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UploadedFile {
    /// The name of the field.
    pub field: String,
    /// What the file is called there.
    pub name: String,
    /// What is in it.
    pub bytes: Vec<u8>,
}

/// A form with files in it.
#[derive(Debug, Clone, Default)]
pub struct Upload {
    /// Its other fields.
    pub fields: Fields,
    /// The files that were chosen.
    pub files: Vec<UploadedFile>,
}

impl Upload {
    /// The file of a field, if one was chosen.
    pub fn file(&self, field: &str) -> Option<&UploadedFile> {
        self.files.iter().find(|file| file.field == field)
    }
}

impl<S: Send + Sync> FromRequest<S> for Upload {
    type Rejection = PageError;

    async fn from_request(request: Request, state: &S) -> Result<Upload, PageError> {
        let content_type = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        if !content_type.is_some_and(|text| text.starts_with("multipart/form-data")) {
            return Ok(Upload { fields: Fields::from_request(request, state).await?, files: vec![] });
        }
        let mut parts = Multipart::from_request(request, state)
            .await
            .map_err(|rejection| PageError::status(rejection.status()))?;
        let mut upload = Upload::default();
        loop {
            let part = parts.next_field().await.map_err(|error| PageError::status(error.status()))?;
            let Some(part) = part else { return Ok(upload) };
            let field = part.name().unwrap_or_default().to_owned();
            let name = part.file_name().map(str::to_owned);
            let bytes = part.bytes().await.map_err(|error| PageError::status(error.status()))?.to_vec();
            match name {
                // A file field in which nothing was chosen comes without a name and empty.
                Some(name) if name.is_empty() && bytes.is_empty() => {}
                Some(name) => upload.files.push(UploadedFile { field, name, bytes }),
                None if upload.fields.has(&field) => {}
                None => upload.fields.send(&field, String::from_utf8_lossy(&bytes)),
            }
        }
    }
}

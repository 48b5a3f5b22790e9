//! The two kinds of value that both databases hold alike, and the rows that come back.

use std::sync::Arc;

use crate::DbError;

/// A parameter or a column: whole numbers and text are all that is stored. Booleans are 0 and 1, times are UTC
/// microseconds, money is minor units (cents).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// SQL NULL.
    Null,
    /// BIGINT.
    Int(i64),
    /// TEXT. It may hold any character but NUL, which PostgreSQL cannot store: a statement with such a parameter is
    /// refused on both databases.
    Text(String),
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}

impl From<&i64> for Value {
    fn from(value: &i64) -> Self {
        Self::Int(*value)
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Int(i64::from(value))
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Self::Text(value.to_owned())
    }
}

impl From<String> for Value {
    fn from(value: String) -> Self {
        Self::Text(value)
    }
}

impl From<&String> for Value {
    fn from(value: &String) -> Self {
        Self::Text(value.clone())
    }
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

// For these two types only: for every T, the compiler would look for Option within Option without end.
impl From<&Option<String>> for Value {
    fn from(value: &Option<String>) -> Self {
        value.as_ref().map_or(Self::Null, |text| Self::Text(text.clone()))
    }
}

impl From<&Option<i64>> for Value {
    fn from(value: &Option<i64>) -> Self {
        value.map_or(Self::Null, Self::Int)
    }
}

/// The parameters of a statement: `params![id, &name, amount]` is `$1`, `$2`, `$3`.
#[macro_export]
macro_rules! params {
    ($($value:expr),* $(,)?) => {
        &[$($crate::Value::from($value)),*] as &[$crate::Value]
    };
}

/// One row of a result, its values already taken out of the database.
#[derive(Debug, Clone)]
pub struct Row {
    pub(crate) columns: Arc<[String]>,
    pub(crate) values: Vec<Value>,
}

impl Row {
    /// The value of the column at `index` (from 0), in the order of the SELECT list.
    ///
    /// # Errors
    /// [`DbError::Decode`], naming the column, when the value is not a `T`: NULL needs an `Option`, a `bool` is 0 or
    /// 1, a number is not text.
    pub fn get<T: FromValue>(&self, index: usize) -> Result<T, DbError> {
        let Some(value) = self.values.get(index) else {
            return Err(DbError::Decode {
                column: format!("number {index}"),
                reason: format!("the row has {} columns", self.values.len()),
            });
        };
        T::from_value(value)
            .map_err(|reason| DbError::Decode { column: self.columns[index].clone(), reason: reason.into() })
    }
}

/// A Rust type that a column can be read as.
pub trait FromValue: Sized {
    /// Reads the value, or says why it can't be.
    ///
    /// # Errors
    /// What was found instead.
    fn from_value(value: &Value) -> Result<Self, &'static str>;
}

impl FromValue for i64 {
    fn from_value(value: &Value) -> Result<Self, &'static str> {
        match value {
            Value::Int(number) => Ok(*number),
            Value::Text(_) => Err("is text, asked for as a number"),
            Value::Null => Err("is NULL, asked for as a number"),
        }
    }
}

impl FromValue for bool {
    fn from_value(value: &Value) -> Result<Self, &'static str> {
        match value {
            Value::Int(0) => Ok(false),
            Value::Int(1) => Ok(true),
            Value::Int(_) => Err("is neither 0 nor 1, asked for as a boolean"),
            Value::Text(_) => Err("is text, asked for as a boolean"),
            Value::Null => Err("is NULL, asked for as a boolean"),
        }
    }
}

impl FromValue for String {
    fn from_value(value: &Value) -> Result<Self, &'static str> {
        match value {
            Value::Text(text) => Ok(text.clone()),
            Value::Int(_) => Err("is a number, asked for as text"),
            Value::Null => Err("is NULL, asked for as text"),
        }
    }
}

impl<T: FromValue> FromValue for Option<T> {
    fn from_value(value: &Value) -> Result<Self, &'static str> {
        match value {
            Value::Null => Ok(None),
            value => T::from_value(value).map(Some),
        }
    }
}

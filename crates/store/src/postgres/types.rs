//! Parameters and columns on their way to and from PostgreSQL, by the types the server has inferred.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use bytes::BytesMut;
use tokio_postgres::types::{FromSql, IsNull, ToSql, Type, to_sql_checked};

use crate::{DbError, Row, Value};

/// Says whether the parameters can be bound, so that what can't is named before anything is sent.
pub(super) fn fits(sql: &str, types: &[Type], params: &[Value]) -> Result<(), DbError> {
    if types.len() != params.len() {
        return Err(DbError::refused(
            sql,
            format!("{} parameters given, {} needed", params.len(), types.len()),
        ));
    }
    for (index, (kind, value)) in types.iter().zip(params).enumerate() {
        let reason = match value {
            Value::Null => continue,
            Value::Int(_) if *kind == Type::INT8 => continue,
            Value::Int(number) if *kind == Type::INT4 && i32::try_from(*number).is_ok() => continue,
            Value::Int(number) if *kind == Type::INT2 && i16::try_from(*number).is_ok() => continue,
            Value::Text(_) if is_text(kind) => continue,
            Value::Int(_) if *kind == Type::INT4 || *kind == Type::INT2 => {
                format!("is out of range where the statement has {kind}; CAST it to BIGINT")
            }
            Value::Int(_) => format!("is a number where the statement has {kind}"),
            Value::Text(_) => format!("is text where the statement has {kind}"),
        };
        return Err(DbError::Parameter { number: index + 1, reason, sql: sql.to_owned() });
    }
    Ok(())
}

fn is_text(kind: &Type) -> bool {
    [Type::TEXT, Type::VARCHAR, Type::BPCHAR, Type::NAME].contains(kind)
}

/// A parameter that [`fits`].
pub(super) struct Bound<'a>(pub(super) &'a Value);

impl fmt::Debug for Bound<'_> {
    /// The driver logs parameters by this; they may be secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("..")
    }
}

impl ToSql for Bound<'_> {
    fn to_sql(&self, kind: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        match self.0 {
            Value::Null => Ok(IsNull::Yes),
            Value::Int(number) if *kind == Type::INT2 => i16::try_from(*number)?.to_sql(kind, out),
            Value::Int(number) if *kind == Type::INT4 => i32::try_from(*number)?.to_sql(kind, out),
            Value::Int(number) => number.to_sql(kind, out),
            Value::Text(text) => text.to_sql(kind, out),
        }
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

pub(super) fn decode(row: &tokio_postgres::Row, columns: &Arc<[String]>) -> Result<Row, DbError> {
    let mut values = Vec::with_capacity(columns.len());
    for (index, column) in row.columns().iter().enumerate() {
        let kind = column.type_();
        let value = if *kind == Type::INT8 {
            take::<i64>(row, index)?.map(Value::Int)
        } else if *kind == Type::INT4 {
            take::<i32>(row, index)?.map(|number| Value::Int(number.into()))
        } else if *kind == Type::INT2 {
            take::<i16>(row, index)?.map(|number| Value::Int(number.into()))
        } else if *kind == Type::BOOL {
            // What a comparison answers; SQLite's are 0 and 1.
            take::<bool>(row, index)?.map(Value::from)
        } else if is_text(kind) {
            take::<String>(row, index)?.map(Value::Text)
        } else {
            return Err(DbError::Decode {
                column: column.name().to_owned(),
                reason: format!("is of type {kind}; CAST it to BIGINT or TEXT"),
            });
        };
        values.push(value.unwrap_or(Value::Null));
    }
    Ok(Row { columns: Arc::clone(columns), values })
}

fn take<'a, T: FromSql<'a>>(row: &'a tokio_postgres::Row, index: usize) -> Result<Option<T>, DbError> {
    row.try_get::<_, Option<T>>(index).map_err(|error| DbError::Decode {
        column: row.columns()[index].name().to_owned(),
        reason: super::connection::chain(&error),
    })
}

//! What goes in comes out the same.

use store::{Db, DbError, both_databases, params};

fn table(db: &Db) {
    db.write_blocking(|tx| tx.exec("CREATE TABLE v (id BIGINT PRIMARY KEY, n BIGINT, t TEXT)", &[])).unwrap();
}

both_databases!(whole_numbers_to_their_limits, |db: Db| {
    table(&db);
    for (id, number) in [i64::MIN, -1, 0, 1, i64::MAX].into_iter().enumerate() {
        let id = i64::try_from(id).unwrap();
        let unit = move |tx: &mut store::Tx<'_>| {
            tx.exec("INSERT INTO v (id, n) VALUES ($1, $2)", params![id, number])?;
            tx.one("SELECT n FROM v WHERE id = $1", params![id])?.get::<i64>(0)
        };
        assert_eq!(db.write_blocking::<_, i64, DbError>(unit).unwrap(), number);
    }
});

//! One number for all rows of a table, the same on both databases whatever order they hand their rows out in.
//!
//! Each row is written in one way (which columns are NULL, numbers in eight bytes, texts with their length), hashed with
//! SHA-256, and the hashes are added up. A row more, less, twice or with another value changes the sum.

use sha2::{Digest, Sha256};

/// A value of a row, as either database has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cell<'a> {
    Null,
    Int(i64),
    Text(&'a str),
}

/// What the rows so far add up to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Sum {
    pub(super) rows: u64,
    /// 256 bits, the lowest first.
    limbs: [u64; 4],
    /// The row that is being written.
    row: Vec<u8>,
}

impl Sum {
    pub(super) fn cell(&mut self, cell: Cell<'_>) {
        match cell {
            Cell::Null => self.row.push(0),
            Cell::Int(number) => {
                self.row.push(1);
                self.row.extend_from_slice(&number.to_be_bytes());
            }
            Cell::Text(text) => {
                self.row.push(2);
                self.row.extend_from_slice(&(text.len() as u64).to_be_bytes());
                self.row.extend_from_slice(text.as_bytes());
            }
        }
    }

    /// Adds the row whose cells were given.
    pub(super) fn end_of_row(&mut self) {
        let hash = Sha256::digest(&self.row);
        self.row.clear();
        self.rows += 1;
        let mut carry = false;
        for (limb, bytes) in self.limbs.iter_mut().zip(hash.as_chunks::<8>().0) {
            let (sum, over) = limb.overflowing_add(u64::from_le_bytes(*bytes));
            let (sum, over_again) = sum.overflowing_add(u64::from(carry));
            *limb = sum;
            carry = over || over_again;
        }
    }

    /// The sum for people, short enough to be compared by eye. The whole of it is what is compared here.
    pub(super) fn shown(&self) -> String {
        let mut all = Sha256::new();
        all.update(self.rows.to_be_bytes());
        self.limbs.iter().for_each(|limb| all.update(limb.to_be_bytes()));
        all.finalize().iter().take(8).fold(String::new(), |out, byte| out + &format!("{byte:02x}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sum(rows: &[&[Cell<'_>]]) -> Sum {
        let mut sum = Sum::default();
        for row in rows {
            row.iter().for_each(|cell| sum.cell(*cell));
            sum.end_of_row();
        }
        sum
    }

    #[test]
    fn the_order_of_rows_is_no_difference_and_everything_else_is() {
        use Cell::{Int, Null, Text};
        let (a, b): (&[Cell<'_>], &[Cell<'_>]) = (&[Int(1), Text("x")], &[Int(2), Null]);
        assert_eq!(sum(&[a, b]), sum(&[b, a]));
        let others: [&[&[Cell<'_>]]; 9] = [
            &[a],
            &[a, b, b],
            &[a, a],
            &[a, &[Int(2), Text("")]],
            &[a, &[Null, Int(2)]],
            &[&[Text("1"), Text("x")], b],
            &[&[Int(1), Text("x ")], b],
            &[&[Int(1), Text("")], &[Int(2), Text("x")]],
            &[&[Int(-1), Text("x")], b],
        ];
        for other in others {
            assert_ne!(sum(&[a, b]), sum(other), "{other:?}");
            assert_ne!(sum(&[a, b]).shown(), sum(other).shown());
        }
        // Where one text ends is part of it.
        assert_ne!(sum(&[&[Text("ab"), Text("c")]]), sum(&[&[Text("a"), Text("bc")]]));
    }

    #[test]
    fn sums_carry_over() {
        let mut sum = Sum { limbs: [u64::MAX; 4], ..Sum::default() };
        let before = sum.clone();
        sum.end_of_row();
        assert_ne!(sum.limbs, before.limbs);
        // All bits set is one less than nothing: what was added, less one, is left.
        let mut alone = Sum::default();
        alone.end_of_row();
        let less_one = alone.limbs[0].wrapping_sub(1);
        assert_eq!(sum.limbs, [less_one, alone.limbs[1], alone.limbs[2], alone.limbs[3]]);
    }
}

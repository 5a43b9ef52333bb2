//! Cart rules, coupons, customer groups and taxes.

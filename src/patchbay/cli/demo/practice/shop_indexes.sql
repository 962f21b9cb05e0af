-- Made after the rows are in, which is faster.
CREATE INDEX customers_phone ON customers (phone);
CREATE INDEX customers_email ON customers (lower(email));
CREATE INDEX customers_address ON customers (address_id);
CREATE INDEX addresses_region ON addresses (region_id);
CREATE INDEX appliances_customer ON appliances (customer_id);
CREATE INDEX appointments_customer ON appointments (customer_id, starts_at);
CREATE INDEX appointments_starts_at ON appointments (starts_at);
CREATE INDEX invoices_customer ON invoices (customer_id);
CREATE INDEX payments_invoice ON payments (invoice_id);

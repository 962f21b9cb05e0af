-- A back office in the naming style of a large open-source ERP (tables named by module, partners for everybody). Written for this benchmark.
CREATE TABLE res_country (id serial PRIMARY KEY, name varchar NOT NULL, code char(2) UNIQUE);
CREATE TABLE res_partner (id serial PRIMARY KEY, name varchar NOT NULL, ref varchar, email varchar, phone varchar, vat varchar, street varchar, zip varchar,
    city varchar, country_id int REFERENCES res_country, parent_id int REFERENCES res_partner, is_company boolean, active boolean DEFAULT true, credit_limit numeric);
CREATE INDEX ON res_partner (phone); CREATE INDEX ON res_partner (email); CREATE INDEX ON res_partner (ref); CREATE INDEX ON res_partner (name);
CREATE TABLE res_users (id serial PRIMARY KEY, login varchar NOT NULL UNIQUE, partner_id int NOT NULL REFERENCES res_partner, active boolean);
CREATE TABLE product_template (id serial PRIMARY KEY, name varchar NOT NULL, default_code varchar, list_price numeric, sale_ok boolean, description_sale text);
CREATE INDEX ON product_template (default_code); CREATE INDEX ON product_template (name);
CREATE TABLE stock_quant (id serial PRIMARY KEY, product_id int NOT NULL REFERENCES product_template, location varchar, quantity numeric, reserved_quantity numeric);
CREATE INDEX ON stock_quant (product_id);
CREATE TABLE sale_order (id serial PRIMARY KEY, name varchar NOT NULL UNIQUE, partner_id int NOT NULL REFERENCES res_partner, user_id int REFERENCES res_users,
    date_order timestamptz NOT NULL, commitment_date timestamptz, state varchar CHECK (state IN ('draft', 'sent', 'sale', 'done', 'cancel')),
    amount_untaxed numeric, amount_tax numeric, amount_total numeric, client_order_ref varchar, note text);
CREATE INDEX ON sale_order (partner_id); CREATE INDEX ON sale_order (date_order);
CREATE TABLE sale_order_line (id serial PRIMARY KEY, order_id int NOT NULL REFERENCES sale_order, product_id int REFERENCES product_template, name text,
    product_uom_qty numeric, qty_delivered numeric, price_unit numeric, price_subtotal numeric);
CREATE INDEX ON sale_order_line (order_id);
CREATE TABLE stock_picking (id serial PRIMARY KEY, name varchar NOT NULL, sale_id int REFERENCES sale_order, partner_id int REFERENCES res_partner,
    scheduled_date timestamptz, date_done timestamptz, carrier_tracking_ref varchar, state varchar);
CREATE INDEX ON stock_picking (sale_id); CREATE INDEX ON stock_picking (partner_id);
CREATE TABLE account_move (id serial PRIMARY KEY, name varchar UNIQUE, move_type varchar, partner_id int REFERENCES res_partner, invoice_date date,
    invoice_date_due date, amount_total numeric, amount_residual numeric, payment_state varchar, invoice_origin varchar);
CREATE INDEX ON account_move (partner_id); CREATE INDEX ON account_move (invoice_date_due);
CREATE TABLE helpdesk_team (id serial PRIMARY KEY, name varchar NOT NULL);
CREATE TABLE helpdesk_ticket (id serial PRIMARY KEY, name varchar NOT NULL, team_id int REFERENCES helpdesk_team, partner_id int REFERENCES res_partner,
    user_id int REFERENCES res_users, priority varchar, stage varchar CHECK (stage IN ('new', 'in_progress', 'on_hold', 'solved', 'cancelled')), description text,
    create_date timestamptz NOT NULL DEFAULT now(), close_date timestamptz);
CREATE INDEX ON helpdesk_ticket (partner_id);
CREATE TABLE calendar_event (id serial PRIMARY KEY, name varchar NOT NULL, start timestamptz NOT NULL, stop timestamptz NOT NULL, location varchar,
    partner_id int REFERENCES res_partner, user_id int REFERENCES res_users);
CREATE INDEX ON calendar_event (partner_id); CREATE INDEX ON calendar_event (user_id);

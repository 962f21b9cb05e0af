-- A hotel's property management system, as small vendors name things. Written for this benchmark.
CREATE TYPE res_status AS ENUM ('inquiry', 'confirmed', 'checked_in', 'checked_out', 'canceled', 'no_show');
CREATE TABLE property (property_id serial PRIMARY KEY, property_name text NOT NULL, front_desk_phone text, street text, city text,
    check_in_from time, check_out_until time);
CREATE TABLE room_type (room_type_id serial PRIMARY KEY, type_name text NOT NULL UNIQUE, max_occupancy int NOT NULL, base_rate numeric(10, 2) NOT NULL,
    pets_allowed boolean NOT NULL DEFAULT false);
CREATE TABLE room (room_id serial PRIMARY KEY, property_id int NOT NULL REFERENCES property, room_no text NOT NULL, room_type_id int NOT NULL REFERENCES room_type,
    floor int, out_of_order boolean NOT NULL DEFAULT false, UNIQUE (property_id, room_no));
CREATE TABLE guest (guest_id serial PRIMARY KEY, given_name text NOT NULL, family_name text NOT NULL, email_addr text, mobile text, loyalty_tier text,
    loyalty_points int NOT NULL DEFAULT 0, date_of_birth date);
CREATE INDEX ON guest (mobile); CREATE INDEX ON guest (email_addr); CREATE INDEX ON guest (family_name);
CREATE TABLE reservation (reservation_id bigserial PRIMARY KEY, confirmation_code varchar(12) NOT NULL UNIQUE, guest_id int NOT NULL REFERENCES guest,
    property_id int NOT NULL REFERENCES property, room_id int REFERENCES room, room_type_id int NOT NULL REFERENCES room_type, arrival_date date NOT NULL,
    departure_date date NOT NULL, adults int NOT NULL, children int NOT NULL DEFAULT 0, status res_status NOT NULL DEFAULT 'inquiry', special_requests text,
    booked_at timestamptz NOT NULL DEFAULT now());
CREATE INDEX ON reservation (guest_id); CREATE INDEX ON reservation (arrival_date);
CREATE TABLE folio (folio_id bigserial PRIMARY KEY, reservation_id bigint NOT NULL REFERENCES reservation, balance_due numeric(10, 2) NOT NULL,
    currency char(3) NOT NULL, closed_at timestamptz);
CREATE INDEX ON folio (reservation_id);
CREATE TABLE folio_charge (charge_id bigserial PRIMARY KEY, folio_id bigint NOT NULL REFERENCES folio, posted_on date NOT NULL, description text NOT NULL,
    amount numeric(10, 2) NOT NULL);
CREATE INDEX ON folio_charge (folio_id);
CREATE TABLE housekeeping_task (task_id bigserial PRIMARY KEY, room_id int NOT NULL REFERENCES room, due_on date NOT NULL, assignee text, finished boolean NOT NULL DEFAULT false);
CREATE INDEX ON housekeeping_task (room_id);
CREATE TABLE lost_item (lost_item_id serial PRIMARY KEY, reported_on date NOT NULL, item text NOT NULL, found_where text, guest_id int REFERENCES guest, returned boolean);
CREATE INDEX ON lost_item (guest_id);

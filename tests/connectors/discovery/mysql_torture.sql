-- Every type, hostile names, keys and indexes of all sorts, views over views: what discovery must not stumble over.
CREATE TABLE kinds (
  id int unsigned NOT NULL AUTO_INCREMENT PRIMARY KEY,
  ti tinyint, flag tinyint(1), flag_u tinyint(1) unsigned, si smallint, mi mediumint unsigned, i int(5) zerofill, bi bigint,
  bu bigint unsigned, d decimal(10,2), du decimal(30,10) unsigned, f float, fd float(7,3), dbl double, b1 bit, b8 bit(8), b64 bit(64),
  y year, da date, t time, t3 time(3), dt datetime, dt6 datetime(6), ts timestamp NULL, ts6 timestamp(6) NULL,
  c char(5), c1 char, vc varchar(191) COMMENT 'said, in NUL''s words', vb varchar(20) COLLATE utf8mb4_bin,
  tt tinytext, tx text, mt mediumtext, lt longtext, bin binary(16), vbin varbinary(20), tb tinyblob, bl blob, mb mediumblob, lb longblob,
  e enum('a','b,c','it''s','with ) paren','back\\slash','quo"te',''), se set('x','y z'), j json, not_json longtext CHECK (char_length(not_json) > 1),
  g geometry, pt point, poly polygon, u uuid, i4 inet4, i6 inet6,
  hidden int INVISIBLE DEFAULT 4, said varchar(9) NOT NULL DEFAULT 'NULL', none varchar(9) DEFAULT NULL, made datetime DEFAULT current_timestamp()
) COMMENT 'one of each';
CREATE TABLE generated (
  id int PRIMARY KEY, first varchar(20), `La``st` varchar(20), price decimal(8,2) NOT NULL, born date,
  full_name varchar(50) AS (concat(first, ' it''s `first` \\', `la``st`)) STORED,
  gross decimal(10,2) AS (price * 1.2) VIRTUAL, lower_first varchar(20) AS (lower(first)) VIRTUAL, constant int AS (1 + 1) VIRTUAL,
  KEY by_lower (lower_first)
);
CREATE TABLE region (country char(2), code varchar(10), name varchar(40) NOT NULL, PRIMARY KEY (country, code), UNIQUE KEY by_name (name));
CREATE TABLE store (
  id bigint unsigned PRIMARY KEY, country char(2) NOT NULL, code varchar(10), boss_id bigint unsigned, phone varchar(30), secret varchar(40),
  email varchar(255) NOT NULL, note text, place point NOT NULL, at datetime,
  CONSTRAINT store_region FOREIGN KEY (country, code) REFERENCES region (country, code),
  CONSTRAINT store_boss FOREIGN KEY (boss_id) REFERENCES store (id),
  UNIQUE KEY by_email (email(191)), KEY by_note (note(20)), KEY by_phone (phone) IGNORED, KEY by_at_code (at DESC, code),
  UNIQUE KEY unused (secret) IGNORED, FULLTEXT KEY said (note), SPATIAL KEY placed (place)
);
CREATE TABLE product (sku varchar(20) PRIMARY KEY, title varchar(100) NOT NULL);
CREATE TABLE store_product (
  store_id bigint unsigned, product_sku varchar(20), since date, PRIMARY KEY (store_id, product_sku),
  FOREIGN KEY (store_id) REFERENCES store (id), FOREIGN KEY (product_sku) REFERENCES product (sku)
);
CREATE TABLE store_profile (
  store_id bigint unsigned PRIMARY KEY, about text, CONSTRAINT profile_of FOREIGN KEY (store_id) REFERENCES store (id) ON DELETE CASCADE
);
CREATE TABLE delivery (
  id int PRIMARY KEY, billing_id bigint unsigned NOT NULL, shipping_id bigint unsigned,
  CONSTRAINT billed FOREIGN KEY (billing_id) REFERENCES store (id), CONSTRAINT shipped FOREIGN KEY (shipping_id) REFERENCES store (id)
);
CREATE TABLE loose_target (id int PRIMARY KEY, kind int, KEY (kind));
CREATE TABLE loose (id int PRIMARY KEY, kind int, FOREIGN KEY (kind) REFERENCES loose_target (kind));
CREATE TABLE `Weird ``Table"` (`Id Col` int PRIMARY KEY, `select` varchar(5), `a.b` int, ` lead` int, `ÄÖ漢字` int, `100%s` int, UNIQUE KEY `order` (`select`));
CREATE TABLE `with.dot` (`from` int PRIMARY KEY, `group by` text);
CREATE TABLE `CamelCase` (`MixedId` int PRIMARY KEY, `OtherName` varchar(3));
CREATE TABLE parted (id int, at date, PRIMARY KEY (id, at)) PARTITION BY RANGE (year(at)) (
  PARTITION p0 VALUES LESS THAN (2025), PARTITION p1 VALUES LESS THAN MAXVALUE);
CREATE TABLE versioned (id int PRIMARY KEY, v int) WITH SYSTEM VERSIONING;
CREATE TABLE bounded (id int PRIMARY KEY, a timestamp(6) GENERATED ALWAYS AS ROW START, z timestamp(6) GENERATED ALWAYS AS ROW END,
  PERIOD FOR SYSTEM_TIME (a, z)) WITH SYSTEM VERSIONING;
CREATE TABLE old_one (id int NOT NULL, v text, KEY (id)) ENGINE=MyISAM; CREATE TABLE old_two LIKE old_one;
CREATE TABLE merged (id int NOT NULL, v text, KEY (id)) ENGINE=MERGE UNION=(old_one, old_two);
CREATE TABLE mismatched (id int, w text) ENGINE=MERGE UNION=(old_one);
CREATE TABLE keyless (v int); CREATE SEQUENCE numbers;

CREATE FUNCTION peek(i int) RETURNS varchar(40) READS SQL DATA RETURN (SELECT secret FROM store WHERE id = i);
CREATE VIEW named AS SELECT id, email FROM store;
CREATE VIEW over_named AS SELECT email AS address FROM named;
CREATE VIEW counted AS SELECT count(*) AS n FROM store;
CREATE VIEW filtered AS SELECT id FROM store WHERE secret IS NOT NULL;
CREATE VIEW joined AS SELECT s.id, r.name FROM store s JOIN region r USING (country, code) LEFT JOIN store b ON b.id = s.boss_id;
CREATE VIEW aliased AS SELECT store.title AS id FROM product AS store WHERE EXISTS (SELECT 1 FROM region AS product WHERE product.name = store.title);
CREATE VIEW nested AS WITH RECURSIVE up (id, depth) AS (SELECT id, 0 FROM store WHERE boss_id IS NULL
  UNION ALL SELECT s.id, up.depth + 1 FROM store s JOIN up ON s.boss_id = up.id) SELECT up.id, d.title FROM up, (SELECT title FROM product) d;
CREATE VIEW grouped AS SELECT code, max(at) AS latest FROM store GROUP BY code HAVING latest > '2020-01-01' ORDER BY latest;
CREATE VIEW opened AS SELECT jt.v FROM kinds, JSON_TABLE(kinds.j, '$[*]' COLUMNS (v int PATH '$')) jt;
CREATE VIEW harmless AS SELECT upper(title) AS t, now() AS at, rand() AS r, if(1, 'a', "b") AS i, cast('x' AS char(3)) AS c FROM product;
CREATE VIEW peeking AS SELECT peek(id) AS p FROM product JOIN loose;
CREATE VIEW laundering AS SELECT p FROM peeking;
CREATE VIEW waiting AS SELECT sleep(1) AS s FROM product;
CREATE VIEW `Weird view` AS SELECT `select`, `a.b` FROM `Weird ``Table"`;
CREATE TABLE keyless_later (v int); CREATE VIEW broken AS SELECT v FROM keyless_later; DROP TABLE keyless_later;

"""The words that may stand before a parenthesis without anything being read that the text does not name.

The functions of MySQL and MariaDB that look at nothing but their arguments, the session's clock and who is logged in; and the
words of the grammar. Left out are those that read files, sequences, locks, the replication or another statement's result, those
that wait, and all that later versions may bring.
"""

from __future__ import annotations

_GRAMMAR = """
all and any as asc between bigint binary bit blob by case char columns cross datetime decimal desc distinct div double else
except exists float force from full group having ignore in index inner int integer intersect interval is join json key lateral
left like limit mediumint mod natural nchar nested not numeric offset on only or order over partition path primary range
regexp returning right rlike rows select signed smallint some sounds straight_join text then time timestamp tinyint union
unsigned use using values varbinary varchar when where window with xor year
"""

_FUNCTIONS = """
abs acos add_months adddate addtime aes_decrypt aes_encrypt any_value area ascii asin astext aswkb atan atan2 avg bin
bin_to_uuid bit_and bit_count bit_length bit_or bit_xor boundary buffer cast ceil ceiling centroid char char_length
character_length charset chr coalesce coercibility collation column_check column_create column_exists column_get column_json
column_list compress concat concat_ws connection_id contains conv convert convert_tz convexhull cos cot count crc32 crc32c
crosses cume_dist curdate current_date current_role current_time current_timestamp current_user curtime database date date_add
date_format date_sub datediff day dayname dayofmonth dayofweek dayofyear decode default degrees dense_rank dimension disjoint
distance elt encode endpoint envelope equals exp export_set exteriorring extract extractvalue field find_in_set first_value
floor format format_bytes format_pico_time from_base64 from_days from_unixtime geometryn geometrytype get_format glength
greatest group_concat grouping hex hour if ifnull inet6_aton inet6_ntoa inet_aton inet_ntoa insert instr interiorringn
intersects is_ipv4 is_ipv4_compat is_ipv4_mapped is_ipv6 is_uuid isclosed isempty isnull issimple json_array json_array_append
json_array_insert json_array_intersect json_arrayagg json_compact json_contains json_contains_path json_depth json_detailed
json_equals json_exists json_extract json_insert json_key_value json_keys json_length json_loose json_merge json_merge_patch
json_merge_preserve json_normalize json_object json_object_filter_keys json_object_to_array json_objectagg json_overlaps
json_pretty json_query json_quote json_remove json_replace json_schema_valid json_schema_validation_report json_search
json_set json_storage_size json_table json_type json_unquote json_valid json_value kdf lag last_day last_value lcase lead
least left length lengthb linestring ln localtime localtimestamp locate log log10 log2 lower lpad ltrim make_set makedate
maketime max mbrcontains mbrequal mbrintersects mbrwithin md5 median microsecond mid min minute mod month monthname
multilinestring multipoint multipolygon natural_sort_key now nth_value ntile nullif numgeometries numpoints nvl nvl2 oct
octet_length ord overlaps percent_rank percentile_cont percentile_disc period_add period_diff pi point polygon position pow
power quarter quote radians rand random_bytes rank regexp_instr regexp_like regexp_replace regexp_substr repeat replace
reverse right round row row_number rpad rtrim schema sec_to_time second session_user sformat sha sha1 sha2 sign sin soundex
space sqrt srid st_area st_asgeojson st_astext st_aswkb st_boundary st_buffer st_centroid st_contains st_convexhull st_crosses
st_difference st_dimension st_disjoint st_distance st_distance_sphere st_endpoint st_envelope st_equals st_exteriorring
st_geohash st_geometryn st_geometrytype st_geomfromgeojson st_geomfromtext st_geomfromwkb st_interiorringn st_intersection
st_intersects st_isclosed st_isempty st_isring st_issimple st_isvalid st_latitude st_length st_longitude st_numgeometries
st_numinteriorrings st_numpoints st_overlaps st_pointn st_simplify st_srid st_startpoint st_swapxy st_symdifference st_touches
st_transform st_union st_within st_x st_y startpoint std stddev stddev_pop stddev_samp str_to_date strcmp subdate substr
substring substring_index subtime sum sys_guid sysdate system_user tan time time_format time_to_sec timediff timestamp
timestampadd timestampdiff to_base64 to_char to_days to_number to_seconds touches trim truncate ucase uncompress
uncompressed_length unhex unix_timestamp updatexml upper user utc_date utc_time utc_timestamp uuid uuid_short uuid_to_bin
uuid_v4 uuid_v7 value values var_pop var_samp variance vec_distance vec_distance_cosine vec_distance_euclidean vec_fromtext
vec_totext version week weekday weekofyear weight_string within x y year yearweek
"""

HARMLESS = frozenset(_GRAMMAR.split()) | frozenset(_FUNCTIONS.split())

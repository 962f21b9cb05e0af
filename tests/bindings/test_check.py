"""Bindings against the view: what is refused, with which code and hint, and what is warned of."""

import re
from typing import Any

import pytest

from patchbay.bindings.check import Target
from patchbay.bindings.reach import SCAN_BOUND
from tests.bindings.clinic import LOOK_UP, TARGET, bind, clinic, codes, project, refused, warned

PHONE = LOOK_UP["inputs"][0]
ABROAD = Target(connection_id="con_1", kind="postgres")


def test_everything_is_told_at_once():
    found = refused(
        inputs=[
            {"param": "caller phone", "arg": "phone"},
            {"param": "a", "arg": "phnoe"},
            {"param": "b", "arg": "status", "source": "session"},
            {"param": "c", "arg": "fee", "source": "constant"},
        ],
        projection=[
            {"path": ["strats_at"], "leaf": "a b"},
            {"path": ["status"], "leaf": "x"},
            {"path": ["note"], "leaf": "X"},
        ],
        filters=[{"arg": "paid", "op": "lt", "value": True}, {"arg": "status", "value": "lost"}],
        orderBy=[{"path": ["tags"]}],
        limit=51,
        allowedFields=["y"],
    )
    assert set(codes(found)) == {
        ("inputs.0.param", "param_invalid"),
        ("inputs.1.arg", "unknown_argument"),
        ("inputs.2.key", "source_key_missing"),
        ("inputs.3.value", "value_missing"),
        ("projection.0.leaf", "leaf_invalid"),
        ("projection.0.path", "unknown_path"),
        ("projection.2.leaf", "leaf_duplicate"),
        ("filters.0.op", "operator_not_for_type"),
        ("filters.1.value", "value_invalid"),
        ("orderBy.0.path", "order_not_sortable"),
        ("limit", "limit_out_of_range"),
        ("allowedFields.0", "unknown_leaf"),
    }
    hints = {f.code: f.hint for f in found}
    assert "Did you mean 'phone'" in (hints["unknown_argument"] or "")
    assert "'starts_at'" in (hints["unknown_path"] or "")


@pytest.mark.parametrize(
    ("operation", "hint"),
    [
        ("appointment.read", "'appointments.read'"),
        ("appointments", "Did you mean 'appointments.read'?"),
        ("nothing.read", None),
        ("sales.stor.read", "'sales.store.read'"),
        (".", None),
    ],
)
def test_operations_that_are_not(operation: str, hint: str | None):
    (found,) = refused(operation=operation)
    assert (found.field, found.code) == ("operation", "unknown_operation")
    assert hint is None or hint in (found.hint or "")


def test_a_bare_name_is_taken_when_only_one_is_meant():
    assert (
        bind(
            operation="rooms.read", inputs=[{"param": "n", "arg": "name", "required": True}], projection=project("id")
        ).plan.object
        == "sales.rooms"
    )


def test_a_name_in_two_schemas_is_asked_about():
    view = clinic(blocked_tables=("public.store",))
    body: dict[str, Any] = {
        "operation": "store.read",
        "inputs": [{"param": "n", "arg": "id", "required": True}],
        "projection": project("id"),
    }
    assert bind(view, **body).plan.object == "sales.store"
    assert bind(**body).plan.object == "store"


def test_the_same_name_in_two_foreign_schemas_is_ambiguous():
    from patchbay.schema_graph.model import Graph
    from patchbay.schema_graph.operations import RecordOperations
    from patchbay.schema_graph.scoping import View
    from tests.bindings.clinic import primary, table

    made = (table("visit", [primary()], schema=schema, slug=f"{schema}_visit") for schema in ("east", "west"))
    tables = {obj.name: obj for obj in made}
    view = View(Graph("postgres", "public", tables, RecordOperations(tables)))
    (found,) = refused(view, operation="visit.read", projection=project("id"))
    assert (found.code, found.hint) == ("ambiguous_operation", "Say which: 'east.visit.read', 'west.visit.read'.")


def test_a_write_that_is_not_offered_is_refused_clearly():
    (found,) = refused(operation="appointments.update")
    assert (found.code, found.hint) == (
        "write_not_offered",
        "Let the connection's write role do it (the write script does), then discover again; or use 'appointments.read'.",
    )
    (found,) = refused(view=clinic(blocked_tables=["appointments"]), operation="appointments.update")
    assert found.code == "unknown_operation", "what is blocked does not exist"


class TestInputs:
    def test_the_guides_input(self):
        (given,) = bind().plan.inputs
        assert (given.codec, given.country, given.required, given.description) == (
            "phone",
            "CA",
            True,
            "The caller's phone number",
        )

    def test_duplicates(self):
        assert codes(refused(inputs=[PHONE, PHONE | {"param": "Caller_Phone"}])) == [("inputs.1.param", "param_duplicate")]

    @pytest.mark.parametrize("source", ["session", "verified"])
    def test_what_the_model_does_not_send_is_always_needed(self, source: str):
        (given,) = bind(inputs=[{"param": "p", "arg": "phone", "source": source, "key": "caller_number"}]).plan.inputs
        assert given.required
        assert given.key == "caller_number"

    @pytest.mark.parametrize(
        ("source", "param", "key"),
        [("session", "caller_phone", "caller_number"), ("session", "visitor", "visitor"), ("verified", "account", "account")],
    )
    def test_a_fact_without_a_key_is_the_parameters_own(self, source: str, param: str, key: str):
        (given,) = bind(inputs=[{"param": param, "arg": "customer.email", "source": source}]).plan.inputs
        assert given.key == key

    def test_members_of_other_sources_are_refused(self):
        found = refused(inputs=[{"param": "p", "arg": "phone", "key": "k", "value": "v", "required": True}])
        assert codes(found) == [("inputs.0.key", "source_key_unused"), ("inputs.0.value", "value_unused")]

    def test_a_constant_is_read_as_its_columns_type(self):
        inputs = [PHONE, {"param": "fee", "arg": "fee", "source": "constant", "value": 12.5}]
        assert bind(inputs=inputs).plan.inputs[1].constant == "12.5"
        inputs[1] |= {"value": "much"}
        assert codes(refused(inputs=inputs)) == [("inputs.1.value", "value_invalid")]

    def test_an_unknown_session_fact_is_warned_of(self):
        checked = bind(inputs=[{"param": "p", "arg": "phone", "source": "session", "key": "caler_number"}])
        assert ("inputs.0.key", "session_fact_unknown") in warned(checked)

    @pytest.mark.parametrize(
        ("arg", "code"),
        [
            ("customer.region.name", "argument_too_deep"),
            ("tags", "not_filterable"),
            ("shape", "not_filterable"),
            ("hidden", "not_readable"),
        ],
    )
    def test_what_cannot_be_compared(self, arg: str, code: str):
        assert codes(refused(inputs=[{"param": "p", "arg": arg, "required": True}])) == [("inputs.0.arg", code)]

    def test_the_wrong_names_hint_is_of_arguments(self):
        (found,) = refused(inputs=[{"param": "p", "arg": "customer.emial", "required": True}])
        assert (found.code, "'customer.email'" in (found.hint or "")) == ("unknown_argument", True)


class TestPhones:
    def test_a_country_is_needed_for_numbers_without_a_code(self):
        assert codes(refused(target=ABROAD)) == [("inputs.0.arg", "default_country_required")]

    def test_the_connections_country_comes_before_the_agents(self):
        both = Target(connection_id="c", kind="postgres", default_country="GB", agent_country="CA")
        assert bind(target=both).plan.inputs[0].country == "GB"
        agents = Target(connection_id="c", kind="postgres", agent_country="CA")
        assert bind(target=agents).plan.inputs[0].country == "CA"

    def test_a_country_that_is_none(self):
        wrong = Target(connection_id="c", kind="postgres", default_country="Canada")
        assert codes(refused(target=wrong)) == [("inputs.0.arg", "default_country_invalid")]

    def test_formats_no_number_can_have_are_told(self):
        home = Target(connection_id="c", kind="postgres", default_country="GB")
        found = [f for f in bind(target=home).warnings if f.code == "phone_formats_unmatched"]
        assert found == []
        view = _with_phone_formats("999-9999", "999-999-9999")
        (told,) = [f for f in bind(view).warnings if f.code == "phone_formats_unmatched"]
        assert "'999-9999'" in told.message
        assert "'999-999-9999'" not in told.message

    def test_an_unsampled_column(self):
        view = _with_phone_formats()
        assert ("inputs.0.arg", "phone_formats_unsampled") in warned(bind(view))
        assert ("inputs.0.arg", "default_country_unknown") in warned(bind(view, ABROAD))

    def test_only_international_formats_need_no_country(self):
        assert bind(_with_phone_formats("+9 999 999 9999"), ABROAD).plan.inputs[0].country is None

    def test_a_phone_is_only_equal_or_not_asked(self):
        found = refused(filters=[{"arg": "phone", "op": "gt", "param": "caller_phone"}])
        assert codes(found) == [("filters.0.op", "operator_not_for_type")]


def _with_phone_formats(*formats: str) -> Any:
    import msgspec

    from patchbay.schema_graph.model import Graph
    from patchbay.schema_graph.operations import RecordOperations
    from patchbay.schema_graph.scoping import View

    obj = clinic().object("appointments")
    assert obj is not None
    fields = tuple(msgspec.structs.replace(f, formats=formats) if f.name == "phone" else f for f in obj.fields)
    changed = {obj.name: msgspec.structs.replace(obj, fields=fields, edges=())}
    return View(Graph("postgres", "public", changed, RecordOperations(changed)))


class TestFilters:
    @pytest.mark.parametrize(
        ("rule", "finding"),
        [
            ({"arg": "status", "op": "lt", "value": "open"}, ("filters.0.op", "operator_not_for_type")),
            ({"arg": "paid", "op": "ge", "value": True}, ("filters.0.op", "operator_not_for_type")),
            ({"arg": "fee", "op": "in", "param": "caller_phone"}, ("filters.0.param", "param_invalid")),
            ({"arg": "note", "op": "is_null", "value": 1}, ("filters.0", "value_unused")),
            ({"arg": "note"}, ("filters.0", "value_missing")),
            ({"arg": "note", "value": "a", "param": "p"}, ("filters.0", "value_missing")),
            ({"arg": "note", "value": None}, ("filters.0.value", "value_invalid")),
            ({"arg": "note", "value": {"now": True}}, ("filters.0.value", "value_invalid")),
            ({"arg": "starts_at", "value": {"now": False}}, ("filters.0.value", "value_invalid")),
            ({"arg": "status", "op": "in", "value": []}, ("filters.0.value", "value_invalid")),
            ({"arg": "status", "op": "in", "value": "open"}, ("filters.0.value", "value_invalid")),
            ({"arg": "status", "op": "in", "value": ["open", "gone"]}, ("filters.0.value.1", "value_invalid")),
            ({"arg": "customer_id", "value": "x"}, ("filters.0.value", "value_invalid")),
            ({"arg": "customer_id", "value": 2**40}, ("filters.0.value", "value_invalid")),
            ({"arg": "fee", "param": "caller_phone"}, ("filters.0.param", "param_invalid")),
            ({"arg": "fee", "param": "a b"}, ("filters.0.param", "param_invalid")),
        ],
    )
    def test_refused(self, rule: dict[str, Any], finding: tuple[str, str]):
        assert codes(refused(filters=[rule])) == [finding]

    def test_a_literal_of_an_enum_is_its_label(self):
        (condition,) = bind(filters=[{"arg": "status", "value": "Done"}]).plan.filters[1:]
        assert condition.value == "done"

    def test_a_local_time_needs_a_zone_to_be_one_moment(self):
        rule = {"arg": "starts_at", "op": "ge", "value": "2026-03-05T14:30"}
        (condition,) = bind(filters=[rule]).plan.filters[1:]
        assert condition.value == "2026-03-05T14:30:00-05:00"
        home = Target(connection_id="c", kind="postgres", default_country="CA")
        assert codes(refused(target=home, filters=[rule])) == [("filters.0.value", "value_invalid")]

    def test_a_filters_own_param_is_an_optional_input_of_the_model(self):
        plan = bind(filters=[{"arg": "starts_at", "op": "ge", "param": "preferred_date"}]).plan
        given = plan.inputs[1]
        assert (given.param, given.source, given.required, given.type) == ("preferred_date", "model", False, "datetime")

    def test_an_input_a_filter_names_is_compared_by_it_alone(self):
        inputs = [PHONE, {"param": "since", "arg": "starts_at"}]
        plan = bind(inputs=inputs, filters=[{"arg": "starts_at", "op": "ge", "param": "since"}]).plan
        assert [(f.param, f.op) for f in plan.filters] == [("caller_phone", "eq"), ("since", "ge")]

    def test_one_value_is_not_sent_for_two_kinds_of_time(self):
        inputs = [PHONE, {"param": "since", "arg": "starts_at"}]
        found = refused(inputs=inputs, filters=[{"arg": "wall_time", "op": "ge", "param": "since"}])
        assert codes(found) == [("filters.0.param", "param_invalid")]


class TestTimeZone:
    WALL = {"projection": project("wall_time")}
    NOWHERE = Target(connection_id="c", kind="postgres", default_country="CA")

    def test_a_timestamp_without_zone_needs_it_to_be_enabled(self):
        assert codes(refused(target=self.NOWHERE, **self.WALL)) == [("projection.0.path", "time_zone_required")]

    def test_a_draft_is_warned(self):
        checked = bind(target=self.NOWHERE, enabled=False, **self.WALL)
        assert ("projection.0.path", "time_zone_required") in warned(checked)

    def test_with_it_the_call_carries_it(self):
        assert bind(**self.WALL).plan.time_zone == "America/Toronto"

    def test_inputs_too(self):
        found = refused(target=self.NOWHERE, inputs=[PHONE, {"param": "at", "arg": "wall_time"}])
        assert codes(found) == [("inputs.1.arg", "time_zone_required")]


class TestReach:
    def read(self, operation: str, arg: str, **members: Any) -> dict[str, Any]:
        return {
            "operation": operation,
            "inputs": [{"param": "p", "arg": arg, "required": True}],
            "projection": project("id"),
        } | members

    def test_an_unindexed_field_of_a_big_table(self):
        (found,) = refused(**self.read("appointments.read", "note"))
        assert (found.field, found.code) == ("inputs.0.arg", "filter_not_indexed")
        assert found.hint == 'CREATE INDEX CONCURRENTLY ON "public"."appointments" ("note");'
        assert f"{SCAN_BOUND:,}" in found.message

    def test_a_key_without_index_on_the_way_back(self):
        (found,) = refused(**self.read("appointments.read", "staff_ref.email"))
        assert found.hint == 'CREATE INDEX CONCURRENTLY ON "public"."appointments" ("staff_ref");'

    def test_a_partitioned_table_takes_no_concurrently(self):
        (found,) = refused(**self.read("parts.read", "kind", projection=project("kind")))
        assert found.hint == 'CREATE INDEX ON "public"."parts" ("kind");'

    def test_names_in_the_statement_are_quoted(self):
        (found,) = refused(**self.read('"Odd.One"."We""ird\nTable".read', "ünï;--", projection=project("data")))
        assert found.hint == 'CREATE INDEX CONCURRENTLY ON "Odd.One"."We""ird\nTable" ("ünï;--");'

    def test_a_small_table_is_read_whole(self):
        assert ("inputs.0.arg", "unindexed_filter") in warned(bind(**self.read("products.read", "category")))

    def test_a_view_of_unknown_size_is_warned_of(self):
        checked = bind(**self.read("open_appointments.read", "note", projection=project("note")))
        assert ("inputs.0.arg", "unindexed_filter") in warned(checked)

    def test_one_indexed_condition_is_enough(self):
        inputs = [PHONE, {"param": "note", "arg": "note"}]
        assert "unindexed_filter" not in dict(map(reversed, warned(bind(inputs=inputs))))

    def test_each_optional_one_has_to_do_alone(self):
        inputs = [{"param": "caller_phone", "arg": "phone"}, {"param": "note", "arg": "note"}]
        assert codes(refused(inputs=inputs)) == [("inputs.1.arg", "filter_not_indexed")]

    def test_a_list_has_to_be_meant(self):
        assert codes(refused(inputs=[])) == [("inputs", "no_filter")]
        assert codes(refused(inputs=[], limit=5)) == [("inputs", "no_filter")]
        assert codes(refused(inputs=[], orderBy=[{"path": ["starts_at"]}])) == [("inputs", "no_filter")]
        assert warned(bind(inputs=[], limit=5, orderBy=[{"path": ["starts_at"]}])) == [("inputs", "lists_records")]

    def test_a_list_in_an_order_no_index_serves(self):
        (found,) = refused(inputs=[], limit=5, orderBy=[{"path": ["fee"]}])
        assert (found.code, found.hint) == ("order_not_indexed", 'CREATE INDEX CONCURRENTLY ON "public"."appointments" ("fee");')


class TestIdentity:
    def customers(self, arg: str, **members: Any) -> dict[str, Any]:
        return {
            "operation": "customers.read",
            "inputs": [{"param": "p", "arg": arg, "required": True}],
            "projection": project("email"),
        } | members

    @pytest.mark.parametrize("arg", ["phone", "email", "id"])
    def test_a_customer_is_identified(self, arg: str):
        checked = bind(**self.customers(arg))
        assert checked.plan.identifying
        assert ("inputs.0.arg", "model_chosen_identity") in warned(checked)

    @pytest.mark.parametrize("arg", ["phone", "customer.phone", "customer_id", "customer.id"])
    def test_a_customers_appointments_are_not(self, arg: str):
        checked = bind(inputs=[{"param": "p", "arg": arg, "required": True}])
        assert not checked.plan.identifying
        assert ("inputs.0.arg", "model_chosen_identity") in warned(checked)

    def test_an_order_by_its_number_is(self):
        checked = bind(
            operation="orders.read",
            inputs=[{"param": "order_number", "arg": "order_number", "required": True}],
            projection=project("total"),
        )
        assert checked.plan.identifying
        assert warned(checked) == []

    def test_choosing_the_first_is_choosing(self):
        assert not bind(**self.customers("phone", orderBy=[{"path": ["id"]}], limit=1)).plan.identifying
        assert bind(**self.customers("phone", orderBy=[{"path": ["id"]}])).plan.identifying

    @pytest.mark.parametrize("given", [{"source": "session", "key": "caller_number"}, {"source": "verified", "key": "phone"}])
    def test_the_session_and_the_verified_do_not_warn(self, given: dict[str, Any]):
        checked = bind(inputs=[{"param": "p", "arg": "phone"} | given])
        assert warned(checked) == []

    def test_card_numbers_are_warned_of(self):
        assert ("projection.0.path", "payment_card_projected") in warned(
            bind(**self.customers("id", projection=project("card_number")))
        )


class TestPlan:
    def test_gates(self):
        assert bind().plan.verification == "none"
        assert bind(requiresVerifiedIdentity=True).plan.verification == "basic"
        assert bind(requiresVerifiedIdentity=True, verificationLevel="step_up").plan.verification == "step_up"
        found = refused(requiresVerifiedIdentity=True, verificationLevel="none")
        assert codes(found) == [("verificationLevel", "verification_level_invalid")]

    def test_caps(self):
        assert bind().plan.caps.rows == 5
        assert bind(limit=50).plan.caps.rows == 50
        assert not bind(limit=50).plan.ranked
        assert not bind(orderBy=[{"path": ["starts_at"]}]).plan.ranked
        assert bind(orderBy=[{"path": ["starts_at"]}], limit=1).plan.ranked
        assert codes(refused(limit=0)) == [("limit", "limit_out_of_range")]

    def test_touches_hold_join_keys_and_conditions(self):
        plan = bind(
            inputs=[{"param": "p", "arg": "customer.email", "required": True}],
            projection=project("status", "customer/region/name"),
        ).plan
        assert {touch.object: touch.fields for touch in plan.touches} == {
            "appointments": ("customer_id", "id", "status"),
            "customers": ("country", "email", "id", "region_code"),
            "regions": ("code", "country", "name"),
        }
        assert {item.object: item.edges for item in plan.slice} == {
            "appointments": ("customer",),
            "customers": ("region",),
            "regions": (),
        }

    def test_ties_are_settled_by_the_key(self):
        plan = bind(orderBy=[{"path": ["starts_at"], "direction": "desc"}]).plan
        assert [(o.column.field, o.direction) for o in plan.order] == [("starts_at", "desc"), ("id", "asc")]
        assert [o.column.field for o in bind(orderBy=[{"path": ["id"]}]).plan.order] == ["id"]

    def test_one_of_several_optional_identities_is_demanded(self):
        inputs = [{"param": "caller_phone", "arg": "phone"}, {"param": "caller_email", "arg": "email"}]
        body: dict[str, Any] = {"operation": "customers.read", "inputs": inputs, "projection": project("name")}
        assert bind(**body).plan.demand_one
        assert bind(**body, limit=10, orderBy=[{"path": ["name"]}]).plan.demand_one
        assert not bind().plan.demand_one


BLOCKED: list[dict[str, Any]] = [
    {"inputs": [PHONE, {"param": "n", "arg": "note"}]},
    {"projection": project("note")},
    {"filters": [{"arg": "note", "op": "is_null"}]},
    {"orderBy": [{"path": ["note"]}]},
    {"projection": project("staff_ref/name")},
    {"projection": project("customer/region/name")},
    {"operation": "staff.read"},
]


@pytest.mark.parametrize("members", BLOCKED)
def test_what_is_blocked_is_as_if_it_were_not_there(members: dict[str, Any]):
    view = clinic(blocked_tables=("staff",), blocked_columns={"appointments": ("note",), "regions": ("code",)})
    assert bind(view).plan.operation == "appointments.read"
    for found in refused(view, **members):
        assert found.code in ("unknown_argument", "unknown_path", "unknown_operation")
        named = set(re.findall(r"[\w.]+", found.hint or ""))
        assert not named & {"note", "staff", "region", "code", "staff.read"}


def test_the_target_is_in_the_plan():
    plan = bind().plan
    assert (plan.connection_id, plan.kind, plan.operation) == (TARGET.connection_id, "postgres", "appointments.read")
    assert len(plan.slice_fingerprint) == 64

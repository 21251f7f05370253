"""SOQL is read whole or refused: what is printed reads back as the same tree, and the vendor's words refuse the rest."""

# ruff: noqa: S608 - the statements are what is tested

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox.salesforce.errors import OrgError
from sandbox.salesforce.soql import parse, tree
from sandbox.salesforce.soql.faults import placed

# A printer that knows nothing of the grammar: from the tree to text, with the freedoms that SOQL leaves.

WORDS = [
    "select",
    "from",
    "where",
    "and",
    "or",
    "not",
    "in",
    "like",
    "includes",
    "excludes",
    "limit",
    "offset",
    "order",
    "by",
    "group",
    "having",
    "asc",
    "desc",
    "nulls",
    "first",
    "last",
    "using",
    "scope",
]
NAMES = st.from_regex(r"[A-Z][A-Za-z0-9]{0,6}(__c)?", fullmatch=True).filter(
    lambda name: name.lower() not in {*WORDS, "null", "with", "typeof", "all", "update", "for", "true", "false", "as"}
)
PATHS = st.lists(NAMES, min_size=1, max_size=4).map(lambda names: tree.Path(tuple(names)))
CALLS = st.builds(tree.Call, st.sampled_from(["COUNT", "MAX", "DAY_ONLY", "CALENDAR_YEAR", "TOLABEL"]), PATHS)
EXPRS = st.one_of(PATHS, CALLS)
SPANS = st.one_of(
    st.sampled_from(["TODAY", "LAST_90_DAYS", "THIS_FISCAL_QUARTER", "NEXT_WEEK"]).map(lambda word: (word, 0)),
    st.tuples(st.sampled_from(["LAST_N_DAYS", "NEXT_N_FISCAL_YEARS", "N_WEEKS_AGO"]), st.integers(0, 999)),
)
LITERALS = st.one_of(
    st.text(max_size=8).map(lambda text: tree.Literal("string", text)),
    st.integers(-(10**9), 10**9).map(lambda number: tree.Literal("number", number)),
    st.integers(-(10**6), 10**6).map(lambda number: tree.Literal("number", number / 8)),
    st.booleans().map(lambda value: tree.Literal("boolean", value)),
    st.just(tree.Literal("null", None)),
    st.dates().map(lambda day: tree.Literal("date", day.isoformat())),
    st.integers(0, 4 * 10**9).map(lambda seconds: tree.Literal("datetime", seconds * 1000)),
    SPANS.map(lambda span: tree.Literal("span", span)),
    st.integers(0, 10**6).map(lambda number: tree.Literal("currency", number)),
)
SIMPLE = st.one_of(
    st.builds(tree.Comparison, EXPRS, st.sampled_from(["=", "!=", "<", "<=", ">", ">="]), LITERALS),
    st.builds(tree.Comparison, EXPRS, st.just("LIKE"), st.text(max_size=5).map(lambda text: tree.Literal("string", text))),
    st.builds(
        tree.Membership,
        EXPRS,
        st.sampled_from(["IN", "NOT IN", "INCLUDES", "EXCLUDES"]),
        st.lists(LITERALS, min_size=1, max_size=3).map(tuple),
    ),
)
CONDITIONS = st.recursive(
    SIMPLE,
    lambda inner: st.one_of(
        st.lists(inner, min_size=2, max_size=3).map(lambda parts: tree.AllOf(tuple(parts))),
        st.lists(inner, min_size=2, max_size=3).map(lambda parts: tree.AnyOf(tuple(parts))),
        inner.map(tree.Not),
    ),
    max_leaves=6,
)
SORTS = st.builds(tree.Sort, EXPRS, st.booleans(), st.sampled_from([None, True, False]))
COLUMNS = st.builds(tree.Column, EXPRS, st.one_of(st.none(), NAMES))
TYPEOFS = st.builds(
    tree.Typeof,
    PATHS,
    st.lists(st.tuples(NAMES, st.lists(PATHS, min_size=1, max_size=2).map(tuple)), min_size=1, max_size=2).map(tuple),
    st.lists(PATHS, max_size=2).map(tuple),
)
SOURCES = st.lists(
    st.builds(tree.Source, PATHS.map(lambda path: ".".join(path.names)), st.one_of(st.none(), NAMES)), min_size=1, max_size=2
)


def queries(inner: st.SearchStrategy[tree.Query] | None = None) -> st.SearchStrategy[tree.Query]:
    """Statements; with ``inner`` some have child queries and sub-selects."""
    items = [COLUMNS, TYPEOFS, st.sampled_from(["ALL", "STANDARD", "CUSTOM"]).map(tree.Fields)]
    wheres = [st.none(), CONDITIONS]
    if inner is not None:
        items.append(inner.map(tree.ChildQuery))
        wheres.append(st.builds(tree.Membership, PATHS, st.sampled_from(["IN", "NOT IN"]), inner))
    return st.builds(
        tree.Query,
        select=st.lists(st.one_of(items), min_size=1, max_size=3).map(tuple),
        sources=SOURCES.map(tuple),
        scope=st.sampled_from([None, "mine", "everything"]),
        where=st.one_of(wheres),
        security=st.sampled_from([None, "SECURITY_ENFORCED"]),
        group=st.just(()),
        order=st.lists(SORTS, max_size=2).map(tuple),
        limit=st.one_of(st.none(), st.integers(0, 50_000)),
        offset=st.one_of(st.none(), st.integers(0, 2000)),
        purposes=st.sampled_from([(), ("VIEW",), ("REFERENCE",), ("VIEW", "REFERENCE")]),
        tracking=st.sampled_from([(), ("TRACKING",), ("TRACKING", "VIEWSTAT")]),
        all_rows=st.booleans(),
    )


GROUPED = st.builds(
    lambda query, group, grouping, having: tree.Query(**{**vars_of(query), "group": group, "grouping": grouping, "having": having}),
    queries(),
    st.lists(EXPRS, min_size=1, max_size=2).map(tuple),
    st.sampled_from(["plain", "rollup", "cube"]),
    st.one_of(st.none(), CONDITIONS),
)


def vars_of(query: tree.Query) -> dict[str, object]:
    return {name: getattr(query, name) for name in query.__dataclass_fields__}


def text_of(node: object) -> str:  # noqa: C901, PLR0911, PLR0912 - one way out for each kind of node
    """The statement that a tree says."""
    if isinstance(node, tree.Path):
        return ".".join(node.names)
    if isinstance(node, tree.Call):
        return f"{node.name}({text_of(node.argument) if node.argument else ''})"
    if isinstance(node, tree.Literal):
        return literal_text(node)
    if isinstance(node, tree.Comparison):
        return f"{text_of(node.left)} {node.operator} {text_of(node.right)}"
    if isinstance(node, tree.Membership):
        right = text_of(node.right) if isinstance(node.right, tree.Query) else ", ".join(map(text_of, node.right))
        return f"{text_of(node.left)} {node.operator} ({right})"
    if isinstance(node, tree.Not):
        return f"NOT {grouped(node.inner)}"
    if isinstance(node, tree.AllOf):
        return " AND ".join(map(grouped, node.parts))
    if isinstance(node, tree.AnyOf):
        return " OR ".join(map(grouped, node.parts))
    if isinstance(node, tree.Column):
        return text_of(node.what) + (f" {node.alias}" if node.alias else "")
    if isinstance(node, tree.Fields):
        return f"FIELDS({node.kind})"
    if isinstance(node, tree.ChildQuery):
        return f"({text_of(node.query)})"
    if isinstance(node, tree.Typeof):
        whens = " ".join(f"WHEN {name} THEN {', '.join(map(text_of, paths))}" for name, paths in node.branches)
        rest = f" ELSE {', '.join(map(text_of, node.otherwise))}" if node.otherwise else ""
        return f"TYPEOF {text_of(node.path)} {whens}{rest} END"
    if isinstance(node, tree.Sort):
        nulls = {None: "", True: " NULLS FIRST", False: " NULLS LAST"}[node.nulls_first]
        return text_of(node.by) + (" DESC" if node.descending else "") + nulls
    assert isinstance(node, tree.Query)
    return query_text(node)


def query_text(query: tree.Query) -> str:
    group = ", ".join(map(text_of, query.group))
    parts = [
        "SELECT " + ", ".join(map(text_of, query.select)),
        "FROM " + ", ".join(f"{one.name} {one.alias}" if one.alias else one.name for one in query.sources),
        f"USING SCOPE {query.scope}" if query.scope else "",
        f"WHERE {text_of(query.where)}" if query.where else "",
        f"WITH {query.security}" if query.security else "",
        f"GROUP BY {group if query.grouping == 'plain' else f'{query.grouping}({group})'}" if group else "",
        f"HAVING {text_of(query.having)}" if query.having else "",
        "ORDER BY " + ", ".join(map(text_of, query.order)) if query.order else "",
        f"LIMIT {query.limit}" if query.limit is not None else "",
        f"OFFSET {query.offset}" if query.offset is not None else "",
        *(f"FOR {word}" for word in query.purposes),
        f"UPDATE {', '.join(query.tracking)}" if query.tracking else "",
        "ALL ROWS" if query.all_rows else "",
    ]
    return " ".join(part for part in parts if part)


def grouped(node: object) -> str:
    is_simple = isinstance(node, (tree.Comparison, tree.Membership))
    return text_of(node) if is_simple else f"({text_of(node)})"


def literal_text(literal: tree.Literal) -> str:
    value = literal.value
    if literal.kind == "string":
        escaped = "".join({"\\": "\\\\", "'": "\\'", "\n": "\\n", "\r": "\\r"}.get(sign, sign) for sign in value)
        return f"'{escaped}'"
    if literal.kind == "datetime":
        return f"{datetime.fromtimestamp(value // 1000, UTC):%Y-%m-%dT%H:%M:%SZ}"
    if literal.kind == "span":
        word, count = value
        return f"{word}:{count}" if "_N_" in word or word.startswith("N_") else word
    if literal.kind == "currency":
        return f"USD{value}"
    if literal.kind == "number":
        return f"{value:.3f}" if isinstance(value, float) else str(value)
    return {"null": "null", "boolean": str(value).lower()}.get(literal.kind, str(value))


@settings(max_examples=80, deadline=None)
@given(st.one_of(queries(), queries(queries()), GROUPED))
def test_what_is_printed_reads_back_as_the_same_tree(query: tree.Query) -> None:
    """For every statement of the grammar: nothing is dropped, nothing is read otherwise."""
    assert parse(text_of(query)) == query


@settings(max_examples=30, deadline=None)
@given(queries(), st.data())
def test_case_and_blanks_of_keywords_do_not_matter(query: tree.Query, data: st.DataObject) -> None:
    """Keywords may be written in any case, and any blanks may stand between words."""
    text = text_of(query)
    if "'" in text:
        return
    blank = data.draw(st.sampled_from(["  ", "\n", "\t", " \r\n "]))
    small = " ".join(
        word.lower() if word.lower() in {*WORDS, "null", "typeof", "when", "then", "else", "end"} else word for word in text.split(" ")
    )
    assert parse(small.replace(" ", blank)) == query


@settings(max_examples=80, deadline=None)
@given(st.one_of(queries(), GROUPED), st.data())
def test_a_broken_statement_is_refused_or_means_something_else(query: tree.Query, data: st.DataObject) -> None:
    """A word taken out of a statement gives a refusal, or another tree that prints as what is left: no half reading."""
    words = text_of(query).split(" ")
    place = data.draw(st.integers(0, len(words) - 1))
    rest = " ".join(words[:place] + words[place + 1 :])
    try:
        read = parse(rest)
    except OrgError as refused:
        told = (refused.status, refused.code)
    else:
        told = (400, "MALFORMED_QUERY")
        assert parse(text_of(read)) == read
        assert "".join(text_of(read).lower().split()).count("select") == "".join(rest.lower().split()).count("select")
    assert told == (400, "MALFORMED_QUERY")


@pytest.mark.parametrize(
    ("text", "token"),
    [
        ("SELECT Id FROM Account WHERE a = 1 AND b = 2 OR c = 3", "OR"),
        ("SELECT Id FROM Account WHERE a = 1 OR b = 2 AND c = 3", "AND"),
        ("SELECT Id FROM Account WHERE a = 1 AND NOT b = 2", "NOT"),
        ("SELECT Id FROM Account WHERE NOT a = 1 AND b = 2", "AND"),
        ("SELECT Id FROM Account WHERE (a = 1 AND b = 2 OR c = 3)", "OR"),
        ("SELECT Id, FROM Account", "FROM"),
        ("SELECT * FROM Account", "*"),
        ("SELECT Id FROM Account USING everything", "everything"),
        ("SELECT Id FROM Account;", ";"),
        ("SELECT Id FROM Account WHERE", "<EOF>"),
        ("SELECT Id FROM Account LIMIT -1", "-1"),
        ("SELECT Id FROM Account LIMIT 5 LIMIT 6", "LIMIT"),
        ("SELECT Id FROM Account ORDER Name", "Name"),
        ("SELECT Id FROM Account WHERE Id IN ()", "Id IN ()"),
        ("SELECT Id FROM Account WHERE Name ILIKE 'x'", "Name ILIKE"),
        ("SELECT Id FROM Account WHERE Name LIKE null", "null"),
        ('SELECT Id FROM Account WHERE Name = "x"', '"'),
        ("SELECT Id from $casecomment WHERE isdeleted = false", "$"),
        ("SELECT Id FROM Account WHERE Name = 'open", "'"),
        ("SELECT Id FROM Account LEFT JOIN Contact", "JOIN"),
        ("SELECT Id FROM Account a b", "b"),
        ("SELECT Id FROM Account WHERE Rating = 5x", "5x"),
        ("SELECT FROM ServicePresenceStatus", "SELECT FROM"),
        ("SELEC Id FROM Account", "SELEC"),
        ("q=SELECT Id FROM Account", "q"),
        ("", "<EOF>"),
    ],
)
def test_what_cannot_stand_there_is_named(text: str, token: str) -> None:
    """AND and OR are not mixed, NOT stands alone or in parentheses, and what is unexpected is told as the vendor's parser tells it."""
    with pytest.raises(OrgError) as refusal:
        parse(text)
    assert (refusal.value.status, refusal.value.code) == (400, "MALFORMED_QUERY")
    assert refusal.value.message.endswith(f"unexpected token: '{token}'")


def test_the_place_of_an_unexpected_word_is_one_to_the_left() -> None:
    """As recorded of real orgs: the vendor's parser counts columns from 0. At the very start no place is told."""
    with pytest.raises(OrgError) as refusal:
        parse("SELECT Id, FROM Account")
    assert refusal.value.message == "\nSELECT Id, FROM Account\n          ^\nERROR at Row:1:Column:11\nunexpected token: 'FROM'"
    with pytest.raises(OrgError) as refusal:
        parse("SELECT Id, Email, Name\nFROM Contact\nWHERE AccountId = '0014000000p6XlS' AND LastName LIKE 'test' OR email LIKE 'test'")
    shown = "'0014000000p6XlS' AND LastName LIKE 'test' OR email LIKE 'test'"
    assert refusal.value.message == f"\n{shown}\n{' ' * 42}^\nERROR at Row:3:Column:61\nunexpected token: 'OR'"
    with pytest.raises(OrgError) as refusal:
        parse("SELECT Id\nFROM Account\nLIMITED BY 5")
    assert refusal.value.message == "\nLIMITED BY 5\n       ^\nERROR at Row:3:Column:8\nunexpected token: 'BY'"
    with pytest.raises(OrgError) as refusal:
        parse("SELECT Id FROM Account a\nb")
    assert refusal.value.message == "\nb\n^\nERROR at Row:2:Column:0\nunexpected token: 'b'"
    with pytest.raises(OrgError) as refusal:
        parse("SELEC id,accountNumber,name from account")
    assert refusal.value.message == "unexpected token: 'SELEC'"


# Messages recorded of real orgs: the statement as far as it is known, the place, and the stretch that was shown with its caret.
EXCERPTS = [
    ("SELECT Id, ApiName, Status FROM FlowDefinition WHERE ApiName IN ('a')", 11, "SELECT Id, ApiName, Status FROM FlowDefinition", 11),
    ("SELECT Id, DepProbeField__c FROM Account LIMIT 1", 11, "SELECT Id, DepProbeField__c FROM Account LIMIT", 11),
    ("SELECT Id FROM Accountz LIMIT 2", 15, "SELECT Id FROM Accountz LIMIT 2", 15),
    (
        "SELECT Id, Name, AccountNumber FROM AccountOpps WHERE Name like 'okToDelete%'",
        36,
        "SELECT Id, Name, AccountNumber FROM AccountOpps WHERE Name like 'okToDelete%'",
        36,
    ),
    ("select Id, ProductCode from Product2 where ProductCode = 3999", 43, "ProductCode from Product2 where ProductCode = 3999", 32),
    (
        "select Id, Company,Email,LastName,SF_date__c, ConvertedContactId from Lead",
        34,
        "select Id, Company,Email,LastName,SF_date__c, ConvertedContactId from",
        34,
    ),
    (
        "x,y__c,CreatedById,OCE__ActualCap__c,TPI_Product__c,Name,OCE__JobId__c,More__c",
        37,
        "CreatedById,OCE__ActualCap__c,TPI_Product__c,Name,OCE__JobId__c",
        30,
    ),
    (
        "SELECT ApexTestRunResultId, UserId FROM ApexTestRunResult WHERE AsyncApexJobId = '7075A0000BiWZjxx'",
        64,
        "UserId FROM ApexTestRunResult WHERE AsyncApexJobId = '7075A0000BiWZjxx'",
        36,
    ),
    ("SELECT Id\nFROM A\nWHERE SBQQ__Product__r.Disable_Proration__c = 'x'", 23, "WHERE SBQQ__Product__r.Disable_Proration__c", 6),
]


@pytest.mark.parametrize(("text", "at", "shown", "caret"), EXCERPTS)
def test_a_refusal_shows_the_words_around_its_place(text: str, at: int, shown: str, caret: int) -> None:
    """Some thirty characters each way, whole words, only the line that it stands in: as recorded of real orgs."""
    row, column = text.count("\n", 0, at) + 1, at - (text.rfind("\n", 0, at) + 1) + 1
    assert placed(text, at, "why") == f"\n{shown}\n{' ' * caret}^\nERROR at Row:{row}:Column:{column}\nwhy"


@pytest.mark.parametrize(
    ("literal", "kind", "value"),
    [
        (r"'it\'s'", "string", "it's"),
        (r"'a\\b\n\t\"'", "string", 'a\\b\n\t"'),
        (r"'Zo\u00eb'", "string", "Zoë"),
        (r"'50\%\_'", "string", "50%_"),
        ("''", "string", ""),
        ("2026-11-22T10:00:00Z", "datetime", 1795341600000),
        ("2026-11-22T10:00:00.000+05:30", "datetime", 1795321800000),
        ("2026-11-22t10:00:00-0800", "datetime", 1795370400000),
        ("2026-11-22", "date", "2026-11-22"),
        ("-12.5", "number", -12.5),
        ("+7", "number", 7),
        ("USD-500", "currency", -500),
        ("eur12.50", "currency", 12.5),
        ("10:30:00Z", "time", "10:30:00.000Z"),
        ("NEXT_N_DAYS: 21", "span", ("NEXT_N_DAYS", 21)),
        ("n_fiscal_quarters_ago:2", "span", ("N_FISCAL_QUARTERS_AGO", 2)),
        ("This_Week", "span", ("THIS_WEEK", 0)),
        ("TRUE", "boolean", True),
        ("Null", "null", None),
    ],
)
def test_literals(literal: str, kind: str, value: object) -> None:
    """Each literal is read as its kind, escapes undone, moments in UTC."""
    where = parse(f"SELECT Id FROM Account WHERE f = {literal}").where
    assert isinstance(where, tree.Comparison)
    assert (where.right.kind, where.right.value) == (kind, value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("SELECT Id FROM A WHERE S > 2020-12-12t12:12:00-25:00", "Invalid datetime: 2020-12-12t12:12:00-25:00"),
        ("SELECT Id FROM A WHERE S > 2020-52-12t12:12:00-05:00", "Invalid datetime: 2020-52-12t12:12:00-05:00"),
        ("SELECT Id FROM A WHERE S > 2020-02-30", "Invalid date: 2020-02-30"),
        ("SELECT Id FROM A WHERE S = :name", "Bind variables only allowed in Apex code"),
        ("SELECT Id FROM A LIMIT 99999999999", "numeric value out of range: 99999999999"),
        (r"SELECT Id FROM A WHERE S = 'a\qb'", r"Invalid string literal 'a\qb'. Illegal character sequence '\q' in string literal."),
        (f"SELECT Id FROM A WHERE S = '{'x' * 4001}'", "SOQL string literals cannot be longer than 4000 characters."),
        (f"SELECT Id FROM A WHERE S IN ({','.join(['1'] * 60_000)})", "SOQL statements cannot be longer than 100000 characters."),
    ],
)
def test_other_refusals(text: str, message: str) -> None:
    """Moments that there are not, Apex's binds, numbers, escapes and lengths out of range are MALFORMED_QUERY too."""
    with pytest.raises(OrgError) as refusal:
        parse(text)
    assert (refusal.value.code, refusal.value.message) == ("MALFORMED_QUERY", message)


def test_parentheses_without_end_are_refused() -> None:
    """Nesting beyond reason is refused before it can break the reader."""
    with pytest.raises(OrgError) as refusal:
        parse(f"SELECT Id FROM A WHERE {'(' * 5000}a = 1{')' * 5000}")
    assert refusal.value.code == "QUERY_TOO_COMPLICATED"


@pytest.mark.parametrize("name", ["Group", "Order", "Type", "Fields", "Count", "View", "Scope", "End", "Today", "Date", "Offset"])
def test_words_that_are_no_reserved_ones_may_be_names(name: str) -> None:
    """An object may be called Group or Order; other words may be fields and aliases wherever a name can stand."""
    assert parse(f"SELECT Id FROM {name}").sources[0].name == name
    if name != "Group":
        assert parse(f"SELECT {name}.{name} FROM Thing").select[0] == tree.Column(tree.Path((name, name)))
        assert parse(f"SELECT {name}, Id FROM Thing").select[0] == tree.Column(tree.Path((name,)))

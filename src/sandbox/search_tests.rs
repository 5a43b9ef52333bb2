use super::*;

fn filter(condition: &str, value: &str) -> Filter {
    Filter {
        field: "title".to_owned(),
        value: Some(value.to_owned()),
        condition: condition.to_owned(),
    }
}

fn criteria(query: &str) -> Result<Criteria, Problem> {
    Criteria::from_query(&php::query(query))
}

#[test]
fn conditions_on_text() {
    for (condition, value, stored, hit) in [
        ("eq", "HOME", Some("home"), true),
        ("eq", "home", None, false),
        ("neq", "x", Some("home"), true),
        ("neq", "x", None, false),
        ("in", "a,Home", Some("home"), true),
        ("in", "a,b", Some("home"), false),
        ("nin", "a,b", Some("home"), true),
        ("nin", "a,home", Some("home"), false),
        ("like", "h%", Some("home"), true),
        ("nlike", "h%", Some("home"), false),
        ("gt", "a", Some("b"), true),
        ("gt", "b", Some("b"), false),
        ("gteq", "b", Some("b"), true),
        ("moreq", "b", Some("a"), false),
        ("lt", "b", Some("a"), true),
        ("lteq", "a", Some("b"), false),
        ("from", "b", Some("c"), true),
        ("to", "b", Some("c"), false),
        ("null", "", None, true),
        ("null", "", Some(""), false),
        ("notnull", "", Some(""), true),
        ("notnull", "", None, false),
        ("finset", "b", Some("a,B,c"), true),
        ("finset", "b", Some("ab"), false),
        ("regexp", "^H.m", Some("home"), true),
        ("regexp", "^x", Some("home"), false),
        ("nonsense", "home", Some("home"), true),
    ] {
        assert_eq!(
            filter(condition, value).matches(stored, Comparison::Text),
            Some(hit),
            "{stored:?} {condition} {value:?}"
        );
    }
    assert_eq!(filter("regexp", "(").matches(None, Comparison::Text), None);
}

#[test]
fn numbers_compare_by_value() {
    let hit = |condition, value, stored| {
        filter(condition, value).matches(Some(stored), Comparison::Number)
    };
    assert_eq!(hit("gt", "9", "10"), Some(true));
    assert_eq!(hit("in", "1,10", "10"), Some(true));
    assert_eq!(hit("eq", "10abc", "10"), Some(true));
}

#[test]
fn both_spellings_are_read() {
    let camel = "searchCriteria[filterGroups][0][filters][0][field]=title&searchCriteria[filterGroups][0][filters][0][value]=x&searchCriteria[filterGroups][0][filters][0][conditionType]=neq&searchCriteria[pageSize]=5&searchCriteria[currentPage]=2&searchCriteria[sortOrders][0][field]=title&searchCriteria[sortOrders][0][direction]=asc";
    let snake = "search_criteria[filter_groups][0][filters][0][field]=title&search_criteria[filter_groups][0][filters][0][value]=x&search_criteria[filter_groups][0][filters][0][condition_type]=neq&search_criteria[page_size]=5&search_criteria[current_page]=2&search_criteria[sort_orders][0][field]=title&search_criteria[sort_orders][0][direction]=ASC";
    let parsed = criteria(camel).unwrap();
    assert_eq!(parsed, criteria(snake).unwrap());
    assert_eq!(
        parsed.echo(),
        json!({
            "filter_groups": [{"filters": [{"field": "title", "value": "x", "condition_type": "neq"}]}],
            "sort_orders": [{"field": "title", "direction": "ASC"}],
            "page_size": 5,
            "current_page": 2,
        })
    );
}

#[test]
fn bad_criteria_are_refused() {
    assert_eq!(criteria("x=1"), Err(Problem::required("searchCriteria")));
    assert_eq!(criteria("searchCriteria="), Ok(Criteria::default()));
    for size in ["abc", ""] {
        assert!(criteria(&format!("searchCriteria[pageSize]={size}")).is_err());
    }
    assert!(criteria("searchCriteria[sortOrders][0][direction]=up").is_err());
    assert_eq!(
        criteria("searchCriteria[foo_bar]=1"),
        Err(Problem::unsupported_field("foo_bar"))
    );
}

#[test]
fn pages() {
    let hits: Vec<u32> = (1..=5).collect();
    let page = |size, page| {
        Criteria {
            page_size: size,
            current_page: page,
            ..Criteria::default()
        }
        .page(&hits)
        .to_vec()
    };
    assert_eq!(page(Some(2), Some(2)), [3, 4]);
    assert_eq!(page(Some(2), Some(3)), [5]);
    assert_eq!(page(Some(2), Some(4)), Vec::<u32>::new());
    assert_eq!(page(Some(2), Some(-1)), [1, 2]);
    assert_eq!(page(Some(2), Some(0)), [1, 2]);
    assert_eq!(page(None, Some(3)).len(), 5);
    assert_eq!(page(Some(0), Some(3)).len(), 5);
    assert_eq!(page(Some(-1), None), [1]);
    assert_eq!(page(Some(100_000), None).len(), 5);
}

#[test]
fn sorting_descends_unless_told() {
    let sort = |direction: Option<&str>| Sort {
        field: "title".to_owned(),
        direction: direction.map(str::to_owned),
    };
    let order = |s: &Sort| s.order(Some("a"), Some("b"), Comparison::Text);
    assert_eq!(order(&sort(None)), Ordering::Greater);
    assert_eq!(order(&sort(Some("ASC"))), Ordering::Less);
    assert_eq!(
        sort(Some("ASC")).order(None, Some(""), Comparison::Text),
        Ordering::Less
    );
}

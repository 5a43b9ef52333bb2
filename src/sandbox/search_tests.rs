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

fn group(group: usize, filter: usize, field: &str, value: &str, condition: &str) -> String {
    let base = format!("searchCriteria[filterGroups][{group}][filters][{filter}]");
    format!("{base}[field]={field}&{base}[value]={value}&{base}[conditionType]={condition}&")
}

#[test]
fn rows_satisfy_one_filter_of_each_group() {
    let rows = [("a", Some("1")), ("b", None), ("c", Some("3"))];
    let select = |query: &str| {
        let by = |field: &str| match field {
            "name" => Some(Comparison::Text),
            "rank" => Some(Comparison::Number),
            _ => None,
        };
        let hits = criteria(query)
            .unwrap()
            .select(rows.iter(), by, |row, field| match field {
                "name" => Some(row.0.into()),
                _ => row.1.map(Into::into),
            });
        hits.map(|hits| hits.iter().map(|row| row.0).collect::<Vec<_>>())
    };
    let either = group(0, 0, "rank", "3", "eq") + &group(0, 1, "rank", "", "null");
    assert_eq!(select(&either), Ok(vec!["b", "c"]));
    let both = group(0, 0, "rank", "1", "gteq") + &group(1, 0, "name", "a", "neq");
    assert_eq!(select(&both), Ok(vec!["c"]));
    assert_eq!(
        select("searchCriteria[sortOrders][0][field]=rank"),
        Ok(vec!["c", "a", "b"])
    );
    // An unknown field is one even where a group before it finds nothing.
    let unknown = group(0, 0, "name", "none", "eq") + &group(1, 0, "nosuch", "", "eq");
    assert_eq!(select(&unknown), Err(UnknownField("nosuch".to_owned())));
}

#[test]
fn an_index_serves_where_one_filter_decides() {
    let list = criteria(&group(0, 0, "sku", "a,b", "in")).unwrap();
    assert_eq!(list.exactly("sku"), Some(vec!["a", "b"]));
    assert_eq!(list.exactly("name"), None);
    let one = criteria(&group(0, 0, "sku", "a,b", "eq")).unwrap();
    assert_eq!(one.exactly("sku"), Some(vec!["a,b"]));
    for query in [
        group(0, 0, "sku", "a", "like"),
        group(0, 0, "sku", "a", "in") + &group(0, 1, "name", "x", "eq"),
    ] {
        assert_eq!(criteria(&query).unwrap().exactly("sku"), None, "{query}");
    }
}

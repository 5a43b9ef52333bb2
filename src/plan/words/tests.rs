//! Messages as git, forges and people write them. Those of the git at hand are in `git/tests/words.rs`.

use super::*;

const A: &str = "0123456789abcdef0123456789abcdef01234567";
const B: &str = "89abcdef0123456789abcdef0123456789abcdef";

/// The claims of a message in one line: ids, quoted subjects, numbers, and `!` where it says that
/// something is undone.
fn read(message: &str) -> String {
    let claims = claims(message);
    let ids = claims.ids.into_iter();
    let subjects = claims.subjects.iter().map(|s| format!("<{s}>"));
    let numbers = claims.numbers.iter().map(ToString::to_string);
    let says = claims.says_revert.then(|| "!".to_owned());
    let all: Vec<String> = ids.chain(subjects).chain(numbers).chain(says).collect();
    let text = all.join(" ");
    text.replace(A, "A").replace(B, "B")
}

/// Checks a table of names, messages and readings; `A` and `B` stand for ids.
fn check(table: &[(&str, &str, &str)]) {
    for (name, message, expected) in table {
        let message = message.replace("{A}", A).replace("{B}", B);
        assert_eq!(read(&message), *expected, "{name}: {message}");
        let windows = message.replace('\n', "\r\n");
        assert_eq!(read(&windows), *expected, "{name}, CRLF: {message}");
    }
}

#[test]
fn the_sentences_of_git() {
    check(&[
        (
            "plain",
            "Revert \"x\"\n\nThis reverts commit {A}.\n",
            "A <x> !",
        ),
        (
            "merge, wrapped",
            "Revert \"x\"\n\nThis reverts commit {A}, reversing\nchanges made to {B}.\n",
            "A <x> !",
        ),
        (
            "wrapped elsewhere",
            "x\n\nThis reverts\ncommit\n{A}.",
            "A !",
        ),
        (
            "wrapped and hanging",
            "x\n\n* This reverts\n  commit {A}.",
            "A !",
        ),
        (
            "not over a blank line",
            "x\n\nThis reverts commit\n\n{A}.",
            "!",
        ),
        (
            "flattened",
            "Revert \"x\" This reverts commit {A}.",
            "A <x> !",
        ),
        (
            "reference",
            "why\n\nThis reverts commit 89abcde (x, 2026-11-20).\n",
            "89abcde !",
        ),
        (
            "a reference with parentheses in it",
            "why\n\nThis reverts commit 89abcde (x (y), 2026-11-20), 0123456 (z, 2026-11-21).\n",
            "89abcde 0123456 !",
        ),
        (
            "trailing white space",
            "Revert \"x\"  \n \t\nThis reverts commit {A}.  \n",
            "A <x> !",
        ),
        (
            "a byte order mark",
            "\u{feff}Revert \"x\"\n\nThis reverts commit {A}.",
            "A <x> !",
        ),
        (
            "several, each once",
            "x\n\nThis reverts commit {B}.\n\nThis reverts commit {A}.\nThis reverts commit {B}.",
            "B A !",
        ),
        (
            "several in one sentence",
            "x\n\nThis reverts commits {B}, {A}\nand 1234567.",
            "B A 1234567 !",
        ),
        (
            "upper case",
            "x\n\nThis reverts commit 89ABCDE.",
            "89abcde !",
        ),
        (
            "with a reason",
            "x\n\nThis reverts commit {A} because of a typo.",
            "A !",
        ),
        ("as code", "x\n\nThis reverts commit `{A}`.", "A !"),
        ("subject alone", "This reverts commit {A}", "A !"),
        ("no id", "x\n\nThis reverts commit of Monday.", "!"),
        (
            "a word after the id",
            "x\n\nThis reverts commit {A} and added pages.",
            "A !",
        ),
        ("another subject", "x\n\nThis reverts to the old page.", ""),
        ("empty", "", ""),
        ("blank", " \n\n", ""),
    ]);
}

#[test]
fn words_stand_at_the_start_of_a_line() {
    check(&[
        (
            "after others",
            "x\n\nNobody knows why. This reverts commit {A}.",
            "",
        ),
        (
            "in quotation marks",
            "x\n\nIt said\n\"This reverts commit {A}.\"",
            "",
        ),
        (
            "a quoted mail",
            "x\n\n> This reverts commit {A}.\n>> Reverts: {B}\n  > Revert \"y\"",
            "",
        ),
        ("a quoted subject", "> Revert \"y\"", ""),
        (
            "indented by git merge --squash",
            "Squashed commit of the following:\n\ncommit {A}\nAuthor: Ada <a@b>\nDate:   Fri Nov 20\n\n    Revert \"y\"\n    \n    This reverts commit {A}.\n\tReverts: {B}",
            "",
        ),
        ("indented as a whole", "    Revert \"y\"", ""),
        (
            "a little space before them",
            "x\n\n  This reverts commit {A}.",
            "A !",
        ),
        (
            "fenced",
            "x\n\n```\nThis reverts commit {A}.\n```\nThis reverts commit {B}.",
            "B !",
        ),
        (
            "fenced with tildes, and a language",
            "x\n\n~~~~ text\nReverts: {A}\n```\n~~~\nRevert \"y\"\n~~~~\n",
            "",
        ),
        (
            "a fence without end",
            "x\n\n```text\nThis reverts commit {A}.\n",
            "",
        ),
        (
            "code within a line opens no fence",
            "x\n\n```old``` is out\n\nThis reverts commit {A}.",
            "A !",
        ),
        (
            "words of a quoted subject",
            "Revert \"This reverts commit {A}.\"\n\nThis reverts commit {B}.",
            "B <This reverts commit A.> !",
        ),
    ]);
}

#[test]
fn trailers() {
    check(&[
        ("plain", "x\n\nReverts: {A}\n", "A !"),
        (
            "any case, among git's own",
            "x\n\nbody\n\nreverts: 89abcde\nSigned-off-by: A <a@b>\n",
            "89abcde !",
        ),
        ("four digits", "x\n\nReverts: 89ab", "89ab !"),
        ("several", "x\n\nReverts: {B}\nReverts: {A}\n", "B A !"),
        (
            "several ids",
            "x\n\nReverts: {B},{A}, 1234567\n",
            "B A 1234567 !",
        ),
        ("spaces between", "x\n\nReverts: {B} {A}\n", "B A !"),
        ("no space", "x\n\nReverts:{A}\n", "A !"),
        (
            "continued",
            "x\n\nReverts: {B},\n    {A}\nAcked-by: Ada\n  1234567",
            "B A !",
        ),
        (
            "with references",
            "x\n\nReverts: 89abcde (added, deed, 2026-11-20), 1234567 (y, 2026-11-20)",
            "89abcde 1234567 !",
        ),
        (
            "before others",
            "x\n\nReverts: {A}\n\nCo-authored-by: B <b@c>\n\n",
            "A !",
        ),
        // A description is put on top of a template, and what a forge appends is below.
        (
            "in the middle",
            "x\n\nReverts: {A}\n\nThe customers did not like it.\n",
            "A !",
        ),
        (
            "a request",
            "x\n\nReverts: #12, shop/content!13",
            "#12 shop/content#13 !",
        ),
        ("no id", "x\n\nReverts: the footer", "!"),
        ("another trailer", "x\n\nFixes: {A}\nRefs: {B}\n", ""),
        ("as the subject", "Reverts: {A}", "A !"),
        ("without a colon", "Reverts {A}", "A !"),
        (
            "without a colon, short",
            "x\n\nReverts commit 89abcde",
            "89abcde !",
        ),
        ("words in hexadecimal", "x\n\nReverts defaced pages", ""),
        ("words", "x\n\nReverts to the old layout", ""),
    ]);
}

#[test]
fn subjects() {
    check(&[
        ("plain", "Revert \"x\"", "<x> !"),
        ("lower case", "revert \"x\"", "<x> !"),
        (
            "not latin",
            "Revert \"Première – Grüße «été» 日本\"",
            "<Première – Grüße «été» 日本> !",
        ),
        (
            "quotation marks within",
            "Revert \"topic \"quoted\" more\"",
            "<topic \"quoted\" more> !",
        ),
        (
            "quotation marks at the end",
            "Revert \"topic \"quoted\"\"",
            "<topic \"quoted\"> !",
        ),
        (
            "quotation marks after an equals sign",
            "Revert \"set a=\"b\"\"",
            "<set a=\"b\"> !",
        ),
        ("inches", "Revert \"5\" screen\" (#3)", "<5\" screen> !"),
        ("a reason", "Revert \"x\" because \"y\" broke", "<x> !"),
        ("wrapped", "Revert \"x\ny\"", "<x y> !"),
        ("no end", "Revert \"x", "!"),
        ("nothing", "Revert \"\"", "!"),
        // git, until 2.43 and since
        (
            "a revert of a revert",
            "Revert \"Revert \"x\"\"\n\nThis reverts commit {A}.",
            "A <Revert \"x\">",
        ),
        (
            "a re-apply",
            "Reapply \"x\"\n\nThis reverts commit {A}.",
            "A <Revert \"x\">",
        ),
        (
            "a revert of that",
            "Revert \"Reapply \"x\"\"",
            "<Reapply \"x\"> !",
        ),
        ("Conventional Commits", "revert: feat: x", "<feat: x> !"),
        ("with a scope", "revert(cms): x", "<x> !"),
        ("with an exclamation mark", "Revert(cms)!: x", "<x> !"),
        ("in quotation marks", "revert: \"feat: x\"", "<feat: x> !"),
        ("of that", "revert: revert: x", "<revert: x>"),
        (
            "over a forge's words",
            "revert: Revert \"x (#12)\" (#13)",
            "<x (#12)> <Revert \"x (#12)\" (#13)> #12 !",
        ),
        ("another type", "reverted: x", "!"),
        ("no subject", "revert:", "!"),
        ("no quotation marks", "Revert the Black Friday page", "!"),
        ("another verb", "Reverse the order", ""),
        ("in the body", "x\n\nWe did that to\nrevert: y", ""),
        ("quoted in the body", "x\n\nRevert \"y\"", "<y> !"),
        ("below a rule", "x\n\n---\nRevert \"y\"", "<y> !"),
        ("prose below a rule", "x\n\n---\nReverting is fine.", ""),
        (
            "ids below a type",
            "revert: let us never again\n\nRefs: 676104e, a215868",
            "676104e a215868 <let us never again> !",
        ),
        (
            "issues below a type",
            "revert: x\n\nRefs: #12, 1234, SHOP-77",
            "<x> !",
        ),
        (
            "a list before the trailer",
            "revert: x\n\n* too early\n* too loud\n\nRefs: 676104e",
            "676104e <x> !",
        ),
    ]);
}

#[test]
fn forges() {
    check(&[
        (
            "GitHub, the button's commit",
            "Revert \"Black Friday (#12)\"\n\nThis reverts commit {A}.",
            "A <Black Friday (#12)> #12 !",
        ),
        (
            "GitHub, merged",
            "Merge pull request #13 from example/revert-12-bf\n\nRevert \"Black Friday\"",
            "<Black Friday> !",
        ),
        (
            "GitHub, merged, by type",
            "Merge pull request #13 from example/revert-12-bf\n\nrevert: feat: x",
            "<feat: x> !",
        ),
        (
            "GitHub, squashed, title and description",
            "Revert \"Black Friday (#12)\" (#13)\n\nReverts example/content#12\n\nCo-authored-by: B <b@c>",
            "<Black Friday (#12)> #12 example/content#12 !",
        ),
        (
            "GitHub, squashed, list",
            "Undo things (#13)\n\n* Revert \"x (#12)\"\n\nThis reverts commit {A}.\n\n* fix typo\n\n* Roll back y\n\nReverts: {B}\n\n---------\n\nCo-authored-by: B <b@c>",
            "A B <x (#12)> #12 !",
        ),
        (
            "GitHub, squashed, by type",
            "revert: feat: x (#12) (#13)",
            "<feat: x (#12)> #12 !",
        ),
        (
            "GitHub, squashed, by type, one number",
            "revert: feat: x (#13)",
            "<feat: x (#13)> !",
        ),
        (
            "GitLab, a merge request",
            "Revert \"Merge branch 'bf' into 'main'\"\n\nThis reverts merge request !12",
            "<Merge branch 'bf' into 'main'> #12 !",
        ),
        (
            "GitLab, of another project",
            "Revert \"x\"\n\nThis reverts merge request group/sub/name!12.",
            "<x> group/sub/name#12 !",
        ),
        (
            "GitLab, a merged revert",
            "Merge branch 'revert-1' into 'main'\n\nRevert \"Merge branch 'bf' into 'main'\"\n\nSee merge request shop/content!13",
            "<Merge branch 'bf' into 'main'> !",
        ),
        (
            "Bitbucket",
            "Revert \"Black Friday (pull request #59)\"\n\nThis reverts pull request #59.\n\n> Preparing in advance",
            "<Black Friday (pull request #59)> #59 !",
        ),
        (
            "Azure DevOps",
            "Merged PR 13: Revert \"Black Friday\"\n\nReverts !12",
            "<Black Friday> #12 !",
        ),
        (
            "Gitea",
            "Merge pull request 'Revert \"Black Friday\"' (#13) from revert into main",
            "<Black Friday> !",
        ),
        (
            "by hand",
            "Undo\n\nReverts pull requests #12 and #13.",
            "#12 #13 !",
        ),
        ("not a number", "x\n\nReverts #twelve", ""),
        (
            "the second sentence",
            "x\n\nReverts #12. Reverts #13.",
            "#12 !",
        ),
        ("an issue", "x\n\nFixes #12", ""),
        ("too large", "x\n\nReverts #99999999999999999999999", ""),
    ]);
}

#[test]
fn a_squash_that_lists_a_revert_and_its_re_apply_reverts_nothing() {
    check(&[
        (
            "re-apply",
            "Try (#9)\n\n* Revert \"x\"\n\nThis reverts commit {A}.\n\n* more\n\n* Reapply \"x\"\n\nThis reverts commit {B}.",
            "",
        ),
        (
            "old words",
            "Try (#9)\n\n* Revert \"x\"\n\nThis reverts commit {A}.\n\n* Revert \"Revert \"x\"\"\n\nThis reverts commit {B}.",
            "",
        ),
        (
            "and the revert again",
            "Try (#9)\n\n* Revert \"x\"\n\nThis reverts commit {A}.\n\n* Reapply \"x\"\n\nThis reverts commit {B}.\n\n* Revert \"x\"\n\nThis reverts commit {A}.",
            "A <x> !",
        ),
        (
            "another one",
            "Try (#9)\n\n* Revert \"x\"\n\nThis reverts commit {A}.\n\n* Reapply \"y\"\n\nThis reverts commit {B}.",
            "A B <x> <Revert \"y\"> !",
        ),
    ]);
}

#[test]
fn the_numbers_of_a_commit() {
    let numbers = |message: &str| -> String {
        let numbers = request_numbers(message).into_iter();
        let numbers: Vec<String> = numbers.map(|number| number.to_string()).collect();
        numbers.join(" ")
    };
    for (message, expected) in [
        ("Black Friday (#12)", "#12"),
        ("Black Friday (#12)\r\n\r\nbody (#13)\r\n", "#12"),
        ("Black Friday (!12)", "#12"),
        ("Backport (#12) (#13)", "#13"),
        ("Black Friday, see #12", ""),
        ("Black Friday (see #12)", ""),
        ("Revert \"x (#12)\"", ""),
        ("Revert \"x (#12)\" (#13)", "#13"),
        (
            "Merge pull request #12 from agency/bf\n\nBlack Friday",
            "#12",
        ),
        ("Merge pull request 12 from bf into main", "#12"),
        (
            "Merge pull request 'A (#1) b' (#12) from bf into main",
            "#12",
        ),
        ("Merged PR 12: Black Friday", "#12"),
        ("Merged in bf (pull request #12)\n\nBlack Friday", "#12"),
        (
            "Pull request #12: Black Friday\n\nMerge in SHOP/content from bf",
            "#12",
        ),
        (
            "Merge branch 'bf' into 'main'\n\nBlack Friday\n\nSee merge request shop/content!12",
            "shop/content#12",
        ),
        (
            "Merge branch 'bf' into 'main'\n\nSee merge request !12",
            "#12",
        ),
        ("x\n\n> See merge request !12", ""),
        ("x\n\nSee merge request", ""),
        ("", ""),
    ] {
        assert_eq!(numbers(message), expected, "{message}");
    }
}

#[test]
fn the_titles_of_a_commit() {
    for (message, expected) in [
        (
            "\n  A subject\nover two lines\n\nBody.\n",
            &["A subject over two lines"][..],
        ),
        (
            "Merge pull request #12 from agency/bf\n\nBlack Friday\n\nmore",
            &["Merge pull request #12 from agency/bf", "Black Friday"],
        ),
        (
            "Merge branch 'bf' into 'main'\n\nBlack Friday\n\nSee merge request shop/content!12",
            &["Merge branch 'bf' into 'main'", "Black Friday"],
        ),
        (
            "Merge branch 'bf' into 'main'\n\nSee merge request shop/content!12",
            &["Merge branch 'bf' into 'main'"],
        ),
        (
            "Merged in bf (pull request #12)\n\nBlack Friday",
            &["Merged in bf (pull request #12)", "Black Friday"],
        ),
        (
            "Merged PR 12: Black: Friday",
            &["Merged PR 12: Black: Friday", "Black: Friday"],
        ),
        ("Pull request #12: Bf", &["Pull request #12: Bf", "Bf"]),
        (
            "Merge pull request 'Bf' (#12) from bf into main",
            &["Merge pull request 'Bf' (#12) from bf into main", "Bf"],
        ),
        ("Merge branch 'bf'", &["Merge branch 'bf'"]),
        ("", &[]),
    ] {
        assert_eq!(titles(message), expected, "{message}");
    }
}

#[test]
fn a_message_of_a_hundred_thousand_claims_is_read_at_once() {
    let list: String = (0..100_000)
        .map(|n| format!("Reverts: {n:040x}\n"))
        .collect();
    assert_eq!(claims(&format!("x\n\n{list}")).ids.len(), 100_000);
    let quotes: String = (0..100_000).map(|n| format!("Revert \"{n}\n")).collect();
    assert!(claims(&format!("x\n\n{quotes}")).says_revert);
    let open = format!("x\n\nThis reverts commit 1234567 {}", "(".repeat(100_000));
    assert_eq!(claims(&open).ids, ["1234567"]);
}

//! Texts as the shop's database and Magento itself see them: what counts as the same, and what an address
//! is made of.

/// A text that is the same for all texts that the database takes for one (`utf8_general_ci`): case,
/// accents and spaces at the end do not count.
pub fn folded(text: &str) -> String {
    text.trim_end_matches(' ').chars().map(weight).collect()
}

/// The character that others sort as: upper case, without its accent.
pub fn weight(c: char) -> char {
    if c.is_ascii() {
        return c.to_ascii_uppercase();
    }
    if let Some((_, base)) = BASES.iter().find(|(of, _)| of.contains(c)) {
        return *base;
    }
    let mut upper = c.to_uppercase();
    match (upper.next(), upper.next()) {
        (Some(one), None) => one,
        _ => c,
    }
}

const BASES: &[(&str, char)] = &[
    ("ÀÁÂÃÄÅàáâãäåĀāĂăĄąǍǎ", 'A'),
    ("ÇçĆćĈĉĊċČč", 'C'),
    ("Ďď", 'D'),
    ("ÈÉÊËèéêëĒēĔĕĖėĘęĚě", 'E'),
    ("ĜĝĞğĠġĢģ", 'G'),
    ("Ĥĥ", 'H'),
    ("ÌÍÎÏìíîïĨĩĪīĬĭĮįİı", 'I'),
    ("Ĵĵ", 'J'),
    ("Ķķ", 'K'),
    ("ĹĺĻļĽľ", 'L'),
    ("ÑñŃńŅņŇň", 'N'),
    ("ÒÓÔÕÖòóôõöŌōŎŏŐő", 'O'),
    ("ŔŕŖŗŘř", 'R'),
    ("ßŚśŜŝŞşŠšſ", 'S'),
    ("ŢţŤť", 'T'),
    ("ÙÚÛÜùúûüŨũŪūŬŭŮůŰűŲų", 'U'),
    ("Ŵŵ", 'W'),
    ("ÝýÿŶŷŸ", 'Y'),
    ("ŹźŻżŽž", 'Z'),
];

/// The URL key that Magento makes of a title.
pub fn slug(title: &str) -> String {
    let mut out = String::with_capacity(title.len());
    for c in title.replace("&amp;", "and").chars() {
        if c.is_ascii_alphanumeric() {
            out.push(c.to_ascii_lowercase());
        } else if let Some(letters) = transliterated(c) {
            out.push_str(letters);
        } else if !out.ends_with('-') {
            out.push('-');
        }
    }
    out.trim_matches('-').to_owned()
}

/// Returns what Magento's table makes of a character. It knows no `Ê`, `Ã` or `ã`.
fn transliterated(c: char) -> Option<&'static str> {
    TRANSLITERATION
        .iter()
        .find(|(from, _)| from.contains(c))
        .map(|(_, to)| *to)
}

const TRANSLITERATION: &[(&str, &str)] = &[
    ("ÀÁÂÄÅàáâäåĀāĂăĄąǍǎǺǻАаЪъΑΆαά", "a"),
    ("ÆæǼǽ", "ae"),
    ("@", "at"),
    ("БбβΒ", "b"),
    ("©ÇçĆćĈĉĊċČčЦц", "c"),
    ("ЧчχΧ", "ch"),
    ("ĎďĐđДдδΔ", "d"),
    ("ÈÉËèéêëĒēĔĕĖėĘęĚěƏəЕеЄєΕΈεέ", "e"),
    ("ƒФфφΦ", "f"),
    ("ĜĝĞğĠġĢģГгҐґγΓ", "g"),
    ("ĤĥĦħХх", "h"),
    ("ÌÍÎÏìíîïĨĩĪīĬĭĮįİıǏǐИиІіЇїηήΗιίϊΐΙΊ", "i"),
    ("Ĳĳ", "ij"),
    ("Ĵĵ", "j"),
    ("Яя", "ja"),
    ("Ээ", "je"),
    ("Ёё", "jo"),
    ("Юю", "ju"),
    ("ĶķĸКкκΚ", "k"),
    ("ĹĺĻļĽľĿŀŁłЛлλΛ", "l"),
    ("МмμΜ", "m"),
    ("ñÑŃńŅņŇňŉŊŋНнνΝ", "n"),
    ("ÒÓÔÕÖØòóôõöøŌōŎŏŐőƠơǑǒǾǿОоοόΟΌωώΩΏ", "o"),
    ("Œœ", "oe"),
    ("þПпπΠ", "p"),
    ("ψΨ", "ps"),
    ("®ŔŕŖŗŘřРрρΡ", "r"),
    ("ŚśŜŝŞşŠšСсσςΣ", "s"),
    ("Щщ", "sch"),
    ("Шш", "sh"),
    ("ß", "ss"),
    ("ŢţŤťŦŧТтτΤ", "t"),
    ("θΘ", "th"),
    ("™", "tm"),
    ("ÙÚÛÜùúûüŨũŪūŬŭŮůŰűŲųƯưǓǔǕǖǗǘǙǚǛǜУуυύ", "u"),
    ("Вв", "v"),
    ("Ŵŵ", "w"),
    ("ξΞ", "x"),
    ("ÝýÿŶŷŸЙйЫыЬьΥΎ", "y"),
    ("ŹźŻżŽžſЗзζΖ", "z"),
    ("Жж", "zh"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slugs() {
        for (title, key) in [
            ("NEW", "new"),
            ("tag Other Title", "tag-other-title"),
            ("  Über uns & Größe!  ", "uber-uns-grosse"),
            ("Żółć — 50 %", "zolc-50"),
            ("日本語", ""),
            ("a_b.c/d", "a-b-c-d"),
        ] {
            assert_eq!(slug(title), key, "{title}");
        }
    }

    #[test]
    fn case_accents_and_spaces_at_the_end_do_not_count() {
        assert_eq!(folded("Müller "), folded("MULLER"));
        assert_ne!(folded("a"), folded(" a"));
    }
}

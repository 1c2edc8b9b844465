//! Measures the tokens: contrast of texts, and how far apart the heads' colours stay for colour-blind people.

use super::*;

const THEMES: [Theme; 2] = [Theme::Dark, Theme::Light];

/// Simulation of full dichromacy in linear RGB (Machado, Oliveira and Fernandes 2009), identity first.
const SIGHTS: [(&str, [[f32; 3]; 3]); 4] = [
    ("full colour", [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]),
    ("protanopia", [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]),
    (
        "deuteranopia",
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    ),
    ("tritanopia", [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]]),
];

fn times(matrix: &[[f32; 3]; 3], v: [f32; 3]) -> [f32; 3] {
    matrix.map(|row| row.iter().zip(v).map(|(a, b)| a * b).sum())
}

fn seen(sight: &[[f32; 3]; 3], color: Color32) -> [f32; 3] {
    let [r, g, b, _] = egui::Rgba::from(color).to_array();
    oklab(times(sight, [r, g, b]).map(|c: f32| c.clamp(0.0, 1.0)))
}

/// Ottosson's OKLab, in which equal distances look about equal.
fn oklab(linear: [f32; 3]) -> [f32; 3] {
    let lms = times(
        &[
            [0.412_221_46, 0.536_332_55, 0.051_445_995],
            [0.211_903_5, 0.680_699_5, 0.107_396_96],
            [0.088_302_46, 0.281_718_85, 0.629_978_7],
        ],
        linear,
    );
    times(
        &[
            [0.210_454_26, 0.793_617_8, -0.004_072_047],
            [1.977_998_5, -2.428_592_2, 0.450_593_7],
            [0.025_904_037, 0.782_771_77, -0.808_675_77],
        ],
        lms.map(f32::cbrt),
    )
}

fn contrast(a: Color32, b: Color32) -> f32 {
    let (a, b) = (luminance(a), luminance(b));
    (a.max(b) + 0.05) / (a.min(b) + 0.05)
}

#[test]
fn head_colours_stay_apart_for_every_sight() {
    for theme in THEMES {
        let heads = Tokens::of_theme(theme).heads;
        for (name, sight) in &SIGHTS {
            for (i, &a) in heads.iter().enumerate() {
                for (j, &b) in heads.iter().enumerate().skip(i + 1) {
                    let (a, b) = (seen(sight, a), seen(sight, b));
                    let far = a.iter().zip(b).map(|(x, y)| (x - y).powi(2)).sum::<f32>().sqrt();
                    assert!(far >= 0.11, "{theme:?}, {name}: heads {} and {} are {far:.3} apart", i + 1, j + 1);
                }
            }
        }
    }
}

#[test]
fn head_colours_stand_out_from_the_card() {
    for theme in THEMES {
        let tokens = Tokens::of_theme(theme);
        for (i, &head) in tokens.heads.iter().enumerate() {
            let ratio = contrast(head, tokens.card);
            assert!(ratio >= 1.8, "{theme:?}: head {} has contrast {ratio:.2}", i + 1);
        }
    }
}

#[test]
fn every_text_is_readable_on_its_surfaces() {
    for theme in THEMES {
        let t = Tokens::of_theme(theme);
        let surfaces = [t.window, t.rail, t.card, t.well, t.control, t.control_hover];
        for text in [t.text_strong, t.text, t.text_weak, t.accent_text] {
            for surface in surfaces {
                assert_readable(theme, text, surface);
            }
        }
        for state in [t.ok, t.warn, t.error] {
            for surface in [t.window, t.rail, t.card] {
                assert_readable(theme, state, surface);
            }
        }
        for (text, fill) in [
            (t.on_accent, t.accent),
            (t.on_accent, t.accent_hover),
            (t.accent_text, t.accent_soft),
            (t.text_strong, t.accent_soft),
            (t.text, t.ok_soft),
            (t.text, t.warn_soft),
            (t.text, t.error_soft),
            (t.ok, t.ok_soft),
            (t.warn, t.warn_soft),
            (t.error, t.error_soft),
            (t.text, t.supervised),
            (t.text, t.new_words),
        ] {
            assert_readable(theme, text, fill);
        }
    }
}

fn assert_readable(theme: Theme, text: Color32, fill: Color32) {
    let ratio = contrast(text, fill);
    assert!(ratio >= 4.5, "{theme:?}: {} on {} has contrast {ratio:.2}", text.to_hex(), fill.to_hex());
}

#[test]
fn text_on_any_head_is_readable() {
    for theme in THEMES {
        for head in Tokens::of_theme(theme).heads {
            assert_readable(theme, Tokens::text_on(head), head);
        }
    }
}

#[test]
fn the_heat_scale_starts_and_ends_at_its_stops() {
    let tokens = Tokens::of_theme(Theme::Dark);
    assert_eq!(tokens.heat(0.0), tokens.heat[0]);
    assert_eq!(tokens.heat(f32::NAN), tokens.heat[0]);
    assert_eq!(tokens.heat(7.0), tokens.heat[4]);
}

#[test]
fn neighbouring_parts_of_a_bar_stay_apart_for_every_sight() {
    for theme in THEMES {
        let tokens = Tokens::of_theme(theme);
        for (name, sight) in &SIGHTS {
            for pair in tokens.parts.windows(2) {
                let (a, b) = (seen(sight, pair[0]), seen(sight, pair[1]));
                let far = a.iter().zip(b).map(|(x, y)| (x - y).powi(2)).sum::<f32>().sqrt();
                assert!(far > 0.12, "{theme:?}, {name}: {:?} and {:?} are {far:.3} apart", pair[0], pair[1]);
            }
        }
        for part in tokens.parts {
            assert!(contrast(part, tokens.card) > 1.7, "{theme:?}: {part:?} is lost on the card");
        }
    }
}

#[test]
fn differences_grow_brighter_or_darker_from_nothing_and_their_signs_stay_apart_for_every_sight() {
    for theme in THEMES {
        let tokens = Tokens::of_theme(theme);
        let [less, bit_less, none, bit_more, more] = tokens.diverging;
        for way in [[none, bit_less, less], [none, bit_more, more]] {
            for pair in way.windows(2) {
                let (near, far) = (luminance(pair[0]), luminance(pair[1]));
                let grows = if theme == Theme::Dark { far > near } else { far < near };
                assert!(grows, "{theme:?}: {:?} and {:?}", pair[0], pair[1]);
            }
        }
        for (name, sight) in &SIGHTS {
            for (a, b) in [(less, more), (bit_less, bit_more)] {
                let (a, b) = (seen(sight, a), seen(sight, b));
                let far = a.iter().zip(b).map(|(x, y)| (x - y).powi(2)).sum::<f32>().sqrt();
                assert!(far > 0.11, "{theme:?}, {name}: less and more are {far:.3} apart");
            }
        }
    }
}

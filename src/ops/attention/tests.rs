use super::*;
use crate::ops::check::{assert_close, assert_gradient, random};

fn shape(window: Option<usize>) -> AttentionShape {
    AttentionShape { heads: 4, kv_heads: 2, head_dim: 6, window }
}

fn table() -> Arc<RopeTable> {
    Arc::new(RopeTable::new(&[1.0, 0.3, 0.05], 100))
}

/// The positions of every token in its segment.
fn positions(segments: &[Segment], tokens: usize) -> Arc<Vec<u32>> {
    let mut positions = vec![0; tokens];
    for s in segments {
        positions[s.q_start..s.q_start + s.q_len].iter_mut().zip(0..).for_each(|(p, at)| *p = at);
    }
    Arc::new(positions)
}

fn check(segments: Vec<Segment>, tokens: usize, window: Option<usize>) -> Result<()> {
    let (qkv, shape, table) = (random((tokens, 48), 1), shape(window), table());
    let positions = positions(&segments, tokens);
    let segments = Arc::new(segments);
    let ours = |qkv: &Tensor| self_attention(qkv, &table, &positions, &segments, shape);
    let theirs = |qkv: &Tensor| composed::self_attention(qkv, &table, &positions, &segments, &shape);
    assert_close(&ours(&qkv)?, &theirs(&qkv)?, 1e-5);
    assert_gradient(&qkv, ours, theirs)
}

#[test]
fn packed_sequences_equal_the_composed_form_in_value_and_gradient() -> Result<()> {
    check(vec![Segment::whole(0, 5), Segment::whole(5, 70), Segment::whole(75, 1)], 76, None)
}

#[test]
fn a_sliding_window_equals_the_composed_form() -> Result<()> {
    check(vec![Segment::whole(0, 70)], 70, Some(3))?;
    check(vec![Segment::whole(0, 7)], 7, Some(100))
}

#[test]
fn rows_that_no_segment_names_are_zero_in_both_forms_and_get_no_gradient() -> Result<()> {
    // Padding before, between and behind the sequences, and rows that are padding altogether.
    check(vec![Segment::whole(2, 5), Segment::whole(7, 0), Segment::whole(10, 66)], 80, None)?;
    check(vec![Segment::whole(0, 3), Segment::whole(6, 4)], 12, Some(2))?;
    let (q, k) = (random((6, 24), 1), random((6, 12), 2));
    for segments in [vec![], vec![Segment::whole(3, 0)], vec![Segment::whole(1, 2)]] {
        let named: Vec<usize> = segments.iter().flat_map(|s| s.q_start..s.q_start + s.q_len).collect();
        let segments = Arc::new(segments);
        let ours = cached_attention(&q, &k, &k, &segments, shape(None))?;
        let theirs = composed::attention(&q, &k, &k, &segments, &shape(None))?;
        for (i, (ours, theirs)) in ours.to_vec2::<f32>()?.iter().zip(theirs.to_vec2::<f32>()?).enumerate() {
            let is_zero = |row: &[f32]| row.iter().all(|x| *x == 0.0);
            assert_eq!((is_zero(ours), is_zero(&theirs)), (!named.contains(&i), !named.contains(&i)), "row {i}");
        }
    }
    Ok(())
}

#[test]
fn queries_at_the_end_of_cached_keys_equal_the_composed_form() -> Result<()> {
    let segments = Arc::new(vec![Segment { q_start: 0, q_len: 3, k_start: 0, k_len: 9 }]);
    let (q, k, v) = (random((3, 24), 1), random((9, 12), 2), random((9, 12), 3));
    for window in [None, Some(4)] {
        let ours = cached_attention(&q, &k, &v, &segments, shape(window))?;
        assert_close(&ours, &composed::attention(&q, &k, &v, &segments, &shape(window))?, 1e-5);
    }
    Ok(())
}

#[test]
fn a_later_token_never_changes_an_earlier_one() -> Result<()> {
    let (qkv, table) = (random((6, 48), 1), table());
    let of = |tokens: usize| {
        let segments = vec![Segment::whole(0, tokens)];
        let positions = positions(&segments, tokens);
        self_attention(&qkv.narrow(0, 0, tokens)?, &table, &positions, &Arc::new(segments), shape(None))
    };
    assert_close(&of(6)?.narrow(0, 0, 4)?, &of(4)?, 1e-6);
    Ok(())
}

#[test]
fn segments_that_share_rows_or_lie_outside_are_refused() {
    let (q, k, qkv) = (random((6, 24), 1), random((6, 12), 2), random((6, 48), 3));
    let cached = Arc::new(vec![Segment { q_start: 0, q_len: 2, k_start: 0, k_len: 4 }]);
    assert!(self_attention(&qkv, &table(), &Arc::new(vec![0; 6]), &cached, shape(None)).is_err());
    for segments in [vec![Segment::whole(0, 4), Segment::whole(3, 2)], vec![Segment::whole(2, 5)]] {
        let (positions, segments) = (Arc::new(vec![0; 6]), Arc::new(segments));
        assert!(cached_attention(&q, &k, &k, &segments, shape(None)).is_err());
        assert!(self_attention(&qkv, &table(), &positions, &segments, shape(None)).is_err());
    }
}

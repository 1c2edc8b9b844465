//! What pages are built from. A widget draws what it is given and gives back what the user did; it knows neither the
//! worker nor the state of the window. Start at `chart.rs` for curves and `heat_panels/mod.rs` for heat maps.

pub mod axes;
pub mod buttons;
pub mod card;
pub mod chart;
mod chart_axis;
mod chart_edges;
pub mod chart_export;
mod chart_frame;
pub mod chart_group;
pub mod chart_marks;
mod chart_read_out;
pub mod drop_zone;
pub mod figures;
pub mod head_gates;
pub mod heat_panels;
pub mod histogram;
mod keys;
pub mod legend;
pub mod notes;
pub mod number_chart;
pub mod part_bar;
pub mod path_field;
pub mod point_cloud;
pub mod point_map;
pub mod row_list;
pub mod series;
pub mod slider;
pub mod smoothed_series;
pub mod tall_list;
pub mod token_bars;
pub mod token_picture;
pub mod token_strip;

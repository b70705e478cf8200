//! `aggs` of a request → the tree.

use serde_json::Value as Json;

use super::super::dates::{self, Format, Reader, Unit, Zone};
use super::super::dsl::Queries;
use super::super::fault::Fault;
use super::super::json::{self, Object};
use super::super::names::field;
use super::histogram::{Dates, Every, Numbers};
use super::metric::{Metric, MetricKind};
use super::pipeline::Pipeline;
use super::{Aggregation, Filters, Kind, Range, Ranges, Terms, Words, order};
use crate::query::{Field, Query};
use crate::record::Value;

/// Most aggregations, filters and ranges of one request.
const MAX_PARTS: usize = 500;
/// Most values of a `terms`, and most percentiles.
const MAX_TERMS: u64 = 10_000;
const MAX_PERCENTS: usize = 100;
/// Most entries that `top_metrics` shows.
const MAX_TOP: u64 = 10;

/// Reads the aggregations of one request.
struct Reading<'q> {
    queries: &'q mut Queries,
    parts: usize,
}

impl Aggregation {
    /// All of one level with those inside of them.
    pub fn read_all(value: &Json, queries: &mut Queries) -> Result<Vec<Aggregation>, Fault> {
        Reading { queries, parts: 0 }.all(value)
    }
}

impl Reading<'_> {
    fn all(&mut self, value: &Json) -> Result<Vec<Aggregation>, Fault> {
        let named = json::object(value, "aggs")?.iter();
        named.map(|(name, value)| self.one(name, value).map_err(|fault| fault.inside(name))).collect()
    }

    fn part(&mut self) -> Result<(), Fault> {
        self.parts += 1;
        if self.parts > MAX_PARTS {
            return Err(Fault::argument(format!("there are more than {MAX_PARTS} aggregations, filters and ranges")));
        }
        Ok(())
    }

    fn one(&mut self, name: &str, value: &Json) -> Result<Aggregation, Fault> {
        self.part()?;
        let object = json::object(value, name)?;
        let inner = object.get("aggs").or_else(|| object.get("aggregations"));
        let inner = inner.map_or(Ok(Vec::new()), |inner| self.all(inner)).map_err(|fault| fault.inside("aggs"))?;
        let mut kinds = object.iter().filter(|(name, _)| !matches!(name.as_str(), "aggs" | "aggregations" | "meta"));
        let (Some((kind, body)), None) = (kinds.next(), kinds.next()) else {
            return Err(Fault::parsing("an aggregation has one type"));
        };
        let read = self.kind(kind, body).map_err(|fault| fault.inside(kind))?;
        let holds_none = matches!(read, Kind::Metric(_) | Kind::Pipeline(_));
        if holds_none && !inner.is_empty() {
            return Err(Fault::argument(format!("[{kind}] cannot have aggregations inside")));
        }
        Ok(Aggregation { name: name.to_owned(), kind: read, inner, meta: object.get("meta").cloned() })
    }

    fn kind(&mut self, kind: &str, body: &Json) -> Result<Kind, Fault> {
        if kind == "filter" {
            let query = Query::of(self.queries.condition(body)?);
            return Ok(Kind::Filters(Filters { queries: vec![query], names: None, has_other: false, is_single: true }));
        }
        let body = json::object(body, kind)?;
        match kind {
            "date_histogram" => self.dates(body).map(Kind::Dates),
            "histogram" => numbers(body).map(Kind::Numbers),
            "terms" => self.terms(body).map(Kind::Terms),
            "range" => self.ranges(body, false).map(Kind::Ranges),
            "date_range" => self.ranges(body, true).map(Kind::Ranges),
            "filters" => self.filters(body).map(Kind::Filters),
            "missing" => field_of(body).map(Kind::Missing),
            _ => match metric(kind, body)? {
                Some(metric) => Ok(Kind::Metric(metric)),
                None => match Pipeline::read(kind, body)? {
                    Some(pipeline) => Ok(Kind::Pipeline(pipeline)),
                    None => Err(Fault::parsing(format!("Unknown aggregation type [{kind}]"))),
                },
            },
        }
    }

    fn dates(&self, body: &Object) -> Result<Dates, Fault> {
        let known = [
            "field",
            "interval",
            "fixed_interval",
            "calendar_interval",
            "min_doc_count",
            "extended_bounds",
            "hard_bounds",
            "format",
            "time_zone",
            "offset",
            "keyed",
            "missing",
            "order",
        ];
        json::knows(body, &known, "date_histogram")?;
        let field = field_of(body)?;
        if !field.is_time() {
            return Err(Fault::argument(format!("[{field}] is no time; `@timestamp` and `read_time` are")));
        }
        let zone = json::text_of(body, "time_zone")?.map_or(Ok(Zone::UTC), |zone| Zone::read(&zone));
        let zone = zone.map_err(Fault::argument)?;
        let format = json::text_of(body, "format")?;
        let reader = Reader { zone, ..Reader::at(self.queries.now) }.with_format(format.as_deref());
        let time = |value: &Json, last: bool| {
            let text = json::text(value).ok_or_else(|| Fault::parsing("a time must be a text or a number"))?;
            reader.read(&text, last).map_err(Fault::argument)
        };
        let bounds = |name: &str| bounds(body, name, &time);
        let offset = json::text_of(body, "offset")?.map_or(Ok(0), |offset| dates::span(&offset));
        Ok(Dates {
            field,
            every: every(body)?,
            offset: offset.map_err(Fault::argument)?,
            zone,
            least: json::count_of(body, "min_doc_count")?.unwrap_or(0),
            extended: bounds("extended_bounds")?,
            hard: bounds("hard_bounds")?,
            format: format_of(format.as_deref())?,
            is_keyed: json::truth_of(body, "keyed")? == Some(true),
            missing: body.get("missing").map(|missing| time(missing, false)).transpose()?,
            descending: order::of_steps(body)?,
        })
    }

    fn terms(&self, body: &Object) -> Result<Terms, Fault> {
        let known = [
            "field",
            "size",
            "min_doc_count",
            "shard_min_doc_count",
            "shard_size",
            "order",
            "missing",
            "include",
            "exclude",
            "execution_hint",
            "collect_mode",
            "show_term_doc_count_error",
            "value_type",
        ];
        json::knows(body, &known, "terms")?;
        let size = json::count_of(body, "size")?.unwrap_or(10);
        if size == 0 {
            return Err(Fault::argument("[size] must be greater than 0"));
        }
        Ok(Terms {
            field: field_of(body)?,
            size: size.min(MAX_TERMS) as usize,
            least: json::count_of(body, "min_doc_count")?.unwrap_or(1).max(1),
            order: order::of_terms(body.get("order"))?,
            missing: body.get("missing").and_then(value_of),
            include: body.get("include").map(words).transpose()?,
            exclude: body.get("exclude").map(words).transpose()?,
        })
    }

    fn ranges(&mut self, body: &Object, is_date: bool) -> Result<Ranges, Fault> {
        json::knows(body, &["field", "ranges", "keyed", "format", "time_zone"], "range")?;
        let field = field_of(body)?;
        let zone = json::text_of(body, "time_zone")?.map_or(Ok(Zone::UTC), |zone| Zone::read(&zone));
        let format = json::text_of(body, "format")?;
        let reader = Reader { zone: zone.map_err(Fault::argument)?, ..Reader::at(self.queries.now) };
        let reader = reader.with_format(format.as_deref());
        let edge = |range: &Object, name: &str| match range.get(name).filter(|edge| !edge.is_null()) {
            None => Ok(None),
            Some(edge) if is_date => {
                let text = json::text(edge).ok_or_else(|| Fault::parsing(format!("[{name}] must be a time")))?;
                reader.read(&text, false).map(|time| Some(time as f64)).map_err(Fault::argument)
            }
            Some(_) => json::number_of(range, name),
        };
        let Some(Json::Array(list)) = body.get("ranges") else { return Err(Fault::parsing("[ranges] is missing")) };
        let mut ranges = Vec::new();
        for range in list {
            self.part()?;
            let range = json::object(range, "ranges")?;
            json::knows(range, &["key", "from", "to"], "ranges")?;
            let key = json::text_of(range, "key")?;
            ranges.push(Range { key, from: edge(range, "from")?, to: edge(range, "to")? });
        }
        let is_keyed = json::truth_of(body, "keyed")? == Some(true);
        Ok(Ranges { field, list: ranges, is_keyed, is_date, format: format_of(format.as_deref())? })
    }

    fn filters(&mut self, body: &Object) -> Result<Filters, Fault> {
        json::knows(body, &["filters", "other_bucket", "other_bucket_key", "keyed"], "filters")?;
        let other = json::text_of(body, "other_bucket_key")?;
        let has_other = other.is_some() || json::truth_of(body, "other_bucket")? == Some(true);
        let mut names = None;
        let list: Vec<&Json> = match body.get("filters") {
            Some(Json::Object(named)) => {
                let other = has_other.then(|| other.unwrap_or_else(|| "_other_".to_owned()));
                names = Some(named.keys().cloned().chain(other).collect());
                named.values().collect()
            }
            Some(Json::Array(list)) => list.iter().collect(),
            _ => return Err(Fault::parsing("[filters] is missing")),
        };
        let mut queries = Vec::new();
        for filter in list {
            self.part()?;
            queries.push(Query::of(self.queries.condition(filter)?));
        }
        Ok(Filters { queries, names, has_other, is_single: false })
    }
}

fn field_of(body: &Object) -> Result<Field, Fault> {
    if body.contains_key("script") {
        return Err(Fault::argument("scripts are not run here").inside("script"));
    }
    let name = json::text_of(body, "field")?.ok_or_else(|| Fault::parsing("[field] is missing"))?;
    // Every entry has an id.
    Ok(field(if name == "_id" || name == "_index" { "timestamp" } else { &name }))
}

fn format_of(format: Option<&str>) -> Result<Format, Fault> {
    format.map_or(Ok(Format::default()), Format::read).map_err(Fault::argument)
}

/// The length of a step: `interval` of older clients is one of the two.
fn every(body: &Object) -> Result<Every, Fault> {
    let fixed = |text: &str| match dates::span(text) {
        Ok(length) if length > 0 => Ok(Every::Fixed(length)),
        Ok(_) => Err(Fault::argument("Zero or negative time interval not supported").inside("fixed_interval")),
        Err(why) => Err(Fault::argument(why).inside("fixed_interval")),
    };
    let calendar = |text: &str| {
        let unit = Unit::read(text).map(Every::Calendar);
        let wrong = || format!("The supplied interval [{text}] could not be parsed as a calendar interval.");
        unit.ok_or_else(|| Fault::argument(wrong()).inside("calendar_interval"))
    };
    let of = |name: &str| json::text_of(body, name);
    match (of("fixed_interval")?, of("calendar_interval")?, of("interval")?) {
        (Some(text), None, None) => fixed(&text),
        (None, Some(text), None) => calendar(&text),
        (None, None, Some(text)) => match text.parse::<i64>() {
            Ok(_) => fixed(&format!("{text}ms")),
            Err(_) => calendar(&text).or_else(|_| fixed(&text)),
        },
        (None, None, None) => Err(Fault::argument("[fixed_interval] or [calendar_interval] is missing")),
        _ => Err(Fault::argument("there is more than one interval")),
    }
}

fn bounds<T>(
    body: &Object,
    name: &str,
    read: &impl Fn(&Json, bool) -> Result<T, Fault>,
) -> Result<Option<(T, T)>, Fault> {
    let Some(bounds) = body.get(name).filter(|bounds| !bounds.is_null()) else { return Ok(None) };
    let bounds = json::object(bounds, name)?;
    match (bounds.get("min"), bounds.get("max")) {
        (Some(min), Some(max)) => {
            let inside = |fault: Fault| fault.inside(name);
            Ok(Some((read(min, false).map_err(inside)?, read(max, true).map_err(inside)?)))
        }
        _ => Err(Fault::argument("[min] and [max] are both needed").inside(name)),
    }
}

fn numbers(body: &Object) -> Result<Numbers, Fault> {
    let known = [
        "field",
        "interval",
        "min_doc_count",
        "extended_bounds",
        "hard_bounds",
        "offset",
        "keyed",
        "missing",
        "order",
        "format",
    ];
    json::knows(body, &known, "histogram")?;
    let interval = json::number_of(body, "interval")?.unwrap_or(0.0);
    if interval <= 0.0 {
        return Err(Fault::argument("[interval] must be >0 for histogram aggregation"));
    }
    let number = |value: &Json, _: bool| json::number(value).ok_or_else(|| Fault::parsing("a bound must be a number"));
    Ok(Numbers {
        field: field_of(body)?,
        interval,
        offset: json::number_of(body, "offset")?.unwrap_or(0.0),
        least: json::count_of(body, "min_doc_count")?.unwrap_or(0),
        extended: bounds(body, "extended_bounds", &number)?,
        hard: bounds(body, "hard_bounds", &number)?,
        is_keyed: json::truth_of(body, "keyed")? == Some(true),
        missing: json::number_of(body, "missing")?,
        descending: order::of_steps(body)?,
    })
}

fn metric(kind: &str, body: &Object) -> Result<Option<Metric>, Fault> {
    let read = match kind {
        "avg" => MetricKind::Average,
        "min" => MetricKind::Minimum,
        "max" => MetricKind::Maximum,
        "sum" => MetricKind::Sum,
        "stats" => MetricKind::Stats,
        "extended_stats" => MetricKind::Extended(json::number_of(body, "sigma")?.unwrap_or(2.0)),
        "value_count" => MetricKind::Count,
        "cardinality" => MetricKind::Distinct,
        "percentiles" => percentiles(body)?,
        "top_metrics" => return top(body).map(Some),
        _ => return Ok(None),
    };
    let missing = json::number_of(body, "missing")?;
    let format = json::text_of(body, "format")?;
    Ok(Some(Metric { field: field_of(body)?, kind: read, missing, format: format_of(format.as_deref())? }))
}

fn percentiles(body: &Object) -> Result<MetricKind, Fault> {
    let percents = match body.get("percents") {
        None => vec![1.0, 5.0, 25.0, 50.0, 75.0, 95.0, 99.0],
        Some(list) => {
            let percent = |value: &Json| json::number(value).filter(|percent| (0.0..=100.0).contains(percent));
            let wrong = || Fault::argument("[percents] must be numbers from 0 to 100");
            let list: Option<Vec<f64>> = json::listed(list).into_iter().map(percent).collect();
            list.filter(|list| !list.is_empty() && list.len() <= MAX_PERCENTS).ok_or_else(wrong)?
        }
    };
    Ok(MetricKind::Percentiles { percents, is_keyed: json::truth_of(body, "keyed")? != Some(false) })
}

fn top(body: &Object) -> Result<Metric, Fault> {
    json::knows(body, &["metrics", "sort", "size"], "top_metrics")?;
    let metrics = body.get("metrics").map(json::listed).unwrap_or_default();
    let shown = metrics.into_iter().map(|metric| {
        let name = json::object(metric, "metrics").and_then(|metric| json::text_of(metric, "field"))?;
        name.map(|name| (name.clone(), field(&name)))
            .ok_or_else(|| Fault::parsing("[field] is missing").inside("metrics"))
    });
    let sorts = body.get("sort").map(json::listed).unwrap_or_default();
    let by = sorts.into_iter().map(|sort| {
        let (name, order) = match sort {
            Json::String(name) => (name.as_str(), None),
            other => json::only(other, "sort").map(|(name, order)| (name, Some(order)))?,
        };
        let order = order.and_then(|order| order.get("order").or(Some(order))).and_then(Json::as_str);
        Ok((name.to_owned(), field(name), order == Some("desc")))
    });
    let (shown, by) = (shown.collect::<Result<Vec<_>, Fault>>()?, by.collect::<Result<Vec<_>, Fault>>()?);
    let size = json::count_of(body, "size")?.unwrap_or(1);
    if shown.is_empty() || by.is_empty() || shown.len() + by.len() > MAX_PERCENTS || !(1..=MAX_TOP).contains(&size) {
        return Err(Fault::argument(format!("[metrics] and [sort] are needed, and [size] may be 1 to {MAX_TOP}")));
    }
    let kind = MetricKind::Top { shown, by, size: size as usize };
    Ok(Metric { field: Field::Timestamp, kind, missing: None, format: Format::default() })
}

fn value_of(value: &Json) -> Option<Value> {
    Some(match value {
        Json::Bool(truth) => Value::Bool(*truth),
        Json::Number(n) => n.as_i64().map_or_else(|| n.as_f64().map_or(Value::Null, Value::Float), Value::Int),
        Json::String(text) => Value::Str(text.as_str().into()),
        _ => return None,
    })
}

fn words(value: &Json) -> Result<Words, Fault> {
    match value {
        Json::Array(list) if list.len() as u64 <= MAX_TERMS => {
            Ok(Words::List(list.iter().filter_map(json::text).collect()))
        }
        Json::String(pattern) => {
            let built = regex::RegexBuilder::new(&format!("^(?:{pattern})$")).size_limit(1 << 20).build();
            built.map(Words::Regex).map_err(|error| Fault::argument(format!("{pattern:?} cannot be used: {error}")))
        }
        _ => Err(Fault::argument(format!(
            "[include] and [exclude] must be at most {MAX_TERMS} values or a regular expression"
        ))),
    }
}

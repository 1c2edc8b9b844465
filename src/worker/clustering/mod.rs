//! Topics of the loaded examples, on a thread of their own beside whatever the engine does. The engine hands over what a search
//! needs, and takes the examples back with their topics; `board.rs` is what is kept of the topics, `mapping.rs` lays out their map
//! beside, `applying.rs` gives topics to examples.

mod applying;
mod board;
mod mapping;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::{Builder, JoinHandle};

use crossbeam_channel::{Receiver, Sender};

use super::dispatch::{Surroundings, panic_text};
use super::import::Imported;
use super::jobs::Ticket;
use super::protocol::{Event, JobKind, Request, TopicSearch};
use super::session::Session;
use crate::cluster::TopicFeatures;
use crate::model::BaseModel;

use board::Board;

/// What the thread is asked.
pub(super) enum Order {
    Find {
        ticket: Ticket,
        origin: Origin,
        data: Arc<Imported>,
        model: Option<Arc<BaseModel>>,
    },
    /// A change of the topics at hand, or what is done with them.
    Change(Box<Request>),
    /// These examples are loaded from now on.
    Data(Arc<Imported>),
    End,
}

/// Where topics come from.
pub(super) enum Origin {
    Search(TopicSearch),
    File(PathBuf),
}

/// The way to the thread. Clones lead to the same.
#[derive(Clone)]
pub(super) struct TopicsDesk(Sender<Order>);

impl TopicsDesk {
    /// The way to a thread that is yet to be started, and where it takes orders from.
    pub fn new() -> (Self, Receiver<Order>) {
        // Unbounded, as neither the request thread nor the engine may wait.
        let (orders, queue) = crossbeam_channel::unbounded();
        (Self(orders), queue)
    }

    /// Hands an order to the thread.
    pub fn send(&self, order: Order) {
        // The thread lives as long as the process.
        let _ = self.0.send(order);
    }
}

/// Starts the thread, which serves until it is told to end.
pub(super) fn start(queue: Receiver<Order>, around: Surroundings) -> std::io::Result<JoinHandle<()>> {
    Builder::new().name("hydra-topics".into()).spawn(move || {
        let mut board = None;
        for order in queue {
            match order {
                Order::Find { ticket, origin, data, model } => {
                    let work = || find(&mut board, origin, data, model.as_deref(), &ticket, &around);
                    let done = caught(work);
                    around.end(&ticket, done);
                }
                Order::Change(request) => {
                    if let Err(error) = caught(|| change(board.as_mut(), *request, &around)) {
                        around.outbox.refuse(JobKind::EditTopics, format!("{error:#}"));
                    }
                    around.jobs.end_beside();
                }
                Order::End => return,
                Order::Data(data) => {
                    if board.take_if(|board| !board.is_of(&data)).is_some() {
                        around.jobs.cancel(JobKind::MapTopics);
                        around.outbox.send(Event::TopicsGone);
                    }
                    if let Some(board) = board.as_mut()
                        && board.note_data(&data)
                    {
                        around.outbox.send(Event::TopicsEdited(Box::new(board.view())));
                    }
                }
            }
        }
    })
}

/// What `work` gives; a panic in it becomes an error.
fn caught(work: impl FnOnce() -> anyhow::Result<()>) -> anyhow::Result<()> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        let text = panic_text(panic.as_ref());
        Err(anyhow::anyhow!("the search for topics failed inside ({text}); data and runs are as they were"))
    })
}

fn find(
    board: &mut Option<Board>,
    origin: Origin,
    data: Arc<Imported>,
    model: Option<&BaseModel>,
    ticket: &Ticket,
    around: &Surroundings,
) -> anyhow::Result<()> {
    let (found, report) = Board::find(origin, data, model, &ticket.job)?;
    ticket.job.check()?;
    let view = found.view();
    mapping::start(&found, report.principal.clone(), around);
    around.outbox.send(Event::TopicsFound { report: Box::new(report), board: Box::new(view) });
    *board = Some(found);
    Ok(())
}

fn change(board: Option<&mut Board>, request: Request, around: &Surroundings) -> anyhow::Result<()> {
    let board = board.ok_or_else(|| anyhow::anyhow!("there are no topics yet: find them first"))?;
    match request {
        Request::EditTopics(edit) => board.edit(edit)?,
        // The examples come back with their topics, and then it is told.
        Request::ApplyTopics => return applying::apply(board, around),
        Request::SaveTopics { path } => {
            board.save(&path)?;
            around.outbox.send(Event::TopicsSaved { path });
            return Ok(());
        }
        _ => {}
    }
    around.outbox.send(Event::TopicsEdited(Box::new(board.view())));
    Ok(())
}

impl Session {
    /// Hands a search for topics over, with what it needs.
    pub(super) fn start_topics(&mut self, ticket: Ticket, origin: Origin) {
        let prepared = ticket.job.check().map_err(Into::into).and_then(|()| self.prepare_topics(&origin, &ticket));
        match prepared {
            Ok((data, model)) => self.around.topics.send(Order::Find { ticket, origin, data, model }),
            Err(error) => self.around.end(&ticket, Err(error)),
        }
    }

    fn prepare_topics(
        &mut self,
        origin: &Origin,
        ticket: &Ticket,
    ) -> anyhow::Result<(Arc<Imported>, Option<Arc<BaseModel>>)> {
        self.wake_data(&ticket.job)?;
        let data = self.data()?.imported;
        let needs_model = match origin {
            Origin::Search(search) => search.features == TopicFeatures::Model,
            Origin::File(_) => false,
        };
        if !needs_model {
            return Ok((data, self.model.clone()));
        }
        self.wake(&ticket.job)?;
        Ok((data, Some(self.model()?)))
    }
}

/// Whether a request changes the topics at hand, or does something with them.
pub(super) fn is_change(request: &Request) -> bool {
    matches!(request, Request::EditTopics(_) | Request::ApplyTopics | Request::SaveTopics { .. })
}

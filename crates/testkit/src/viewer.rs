//! A viewer with a screen: what an attachment shows.

use bastide_ptyd_client::{AttachOptions, Attachment, Client, ExitStatus, ViewerEvent};
use bastide_vt::{Effects, Scrollback, Size, Terminal};

/// An attachment whose output is drawn and acknowledged as it is looked at.
pub struct Viewer {
    pub attachment: Attachment,
    screen: Terminal,
    /// Everything before it is on the screen.
    pub pos: u64,
    pub exit: Option<ExitStatus>,
    /// Other events, in order.
    pub events: Vec<ViewerEvent>,
}

impl Viewer {
    /// # Panics
    /// When the daemon refuses, or answers without a snapshot.
    pub async fn attach(client: &Client, session: u32, options: AttachOptions) -> Self {
        let mut attachment = client.attach(session, options).await.expect("the daemon lets it in");
        let snapshot = attachment.snapshot.take().expect("a snapshot comes with it");
        let mut viewer = Self {
            pos: attachment.pos,
            attachment,
            screen: Terminal::new(Size { cols: 1, rows: 1 }, bastide_vt::Config::default()),
            exit: None,
            events: Vec::new(),
        };
        viewer.restore(&snapshot);
        viewer
    }

    fn restore(&mut self, snapshot: &bastide_ptyd_client::Snapshot) {
        let size = Size { cols: snapshot.cols, rows: snapshot.rows };
        self.screen = Terminal::new(size, bastide_vt::Config::default());
        self.screen.feed(snapshot.restore.as_deref().unwrap_or_default(), &mut Effects::default());
        self.pos = snapshot.pos.expect("snapshots have a position");
    }

    /// What stands on its screen.
    pub fn text(&self) -> String {
        self.screen.text(Scrollback::None)
    }

    pub fn screen(&self) -> &Terminal {
        &self.screen
    }

    /// Takes the next event; false at the end.
    ///
    /// # Panics
    /// When output is missing or comes twice.
    pub async fn look(&mut self) -> bool {
        match self.attachment.next().await {
            Some(ViewerEvent::Output { pos, data }) => {
                assert_eq!(pos, self.pos, "output is missing or came twice");
                self.screen.feed(&data, &mut Effects::default());
                self.pos += data.len() as u64;
                self.attachment.ack(self.pos);
            }
            Some(ViewerEvent::Resync(snapshot)) => {
                self.restore(&snapshot);
                self.events.push(ViewerEvent::Resync(snapshot));
            }
            Some(ViewerEvent::Exit { status, .. }) => self.exit = Some(status),
            Some(event) => {
                if let ViewerEvent::Resized { cols, rows, .. } = event {
                    self.screen.resize(Size { cols, rows });
                }
                self.events.push(event);
            }
            None => return false,
        }
        true
    }

    /// Looks until `text` stands on the screen.
    ///
    /// # Panics
    /// When it does not.
    pub async fn sees(&mut self, text: &str) {
        let looking = async { while !self.text().contains(text) && self.look().await {} };
        let looked = tokio::time::timeout(crate::DEADLINE, looking).await;
        assert!(
            looked.is_ok() && self.text().contains(text),
            "waited for {text:?}; on the screen is:\n{}",
            self.text()
        );
    }

    /// Looks until the program has ended.
    ///
    /// # Panics
    /// When it does not.
    pub async fn exits(&mut self) -> ExitStatus {
        let looking = async { while self.exit.is_none() && self.look().await {} };
        crate::within("the program to end", looking).await;
        self.exit.expect("the attachment ended without the program's exit")
    }

    /// Types.
    ///
    /// # Panics
    /// When the daemon refuses.
    pub async fn types(&self, text: &str) {
        self.attachment.input(text.as_bytes().to_vec()).await.expect("the daemon takes it");
    }
}

import '@xterm/xterm/css/xterm.css'
import '../styles/terminal.css'
import { useEffect, useMemo, useRef, useState, useSyncExternalStore } from 'react'
import { useTranslation } from 'react-i18next'
import { useLive } from '../api/live.ts'
import { useRight } from '../api/me.ts'
import { type Session, sessionName } from '../api/types.ts'
import { Dialog } from '../parts/dialog.tsx'
import { goInstead } from '../router.ts'
import { addressOf, Desk, DeskContext, useDesk, useDeskState, useViewState } from '../terminal/desk.ts'
import { DividerBar } from '../terminal/dividers.tsx'
import { KeyRow } from '../terminal/keyrow.tsx'
import { useLook } from '../terminal/look.ts'
import { Menu, menuItems } from '../terminal/menu.tsx'
import { Pane } from '../terminal/pane.tsx'
import { PeopleDialog } from '../terminal/people.tsx'
import { ShareDialog } from '../terminal/share.tsx'
import { actionOf } from '../terminal/shortcuts.ts'
import { StatusLine } from '../terminal/status.tsx'
import { Tabs } from '../terminal/tabs.tsx'
import {
  focusedPane,
  type Layout,
  type Leaf,
  layout,
  panesOf,
  type Workspace,
} from '../terminal/workspace.ts'
import { useWorkspace, workspaceStore } from '../terminal/workspace-store.ts'

/** Splits need room; on a telephone one pane is seen at a time. */
const NARROW = '(max-width: 720px)'
/** CSS pixels that a keyboard covers at least; a bar of the browser's own is less. */
const KEYBOARD = 120

/** The tabs of this window. The address names the session in focus; a new address is a tab. */
export function TerminalPage({ uid, watch }: { uid: string; watch: boolean }) {
  const desk = useMemo(() => new Desk(), [])
  const workspace = useWorkspace()
  const pane = focusedPane(workspace)
  useFollowAddress(uid, watch, pane)
  useKeys(desk)
  const page = useKeyboardRoom()
  return (
    <DeskContext.Provider value={desk}>
      <div className="terminal-page" ref={page}>
        <Tabs workspace={workspace} />
        <Space workspace={workspace} />
        {pane && <Below pane={pane} />}
      </div>
    </DeskContext.Provider>
  )
}

/** The address opens what it names; after that it follows the focus. */
function useFollowAddress(uid: string, watch: boolean, pane: Leaf | undefined): void {
  const [followed, setFollowed] = useState('')
  const asked = `${uid} ${watch}`
  useEffect(() => {
    const now = focusedPane(workspaceStore.get())
    if (now?.uid !== uid || now.watch !== watch) workspaceStore.apply({ type: 'open', uid, watch })
    setFollowed(asked)
  }, [uid, watch, asked])
  const address = pane && addressOf(pane)
  useEffect(() => {
    if (followed !== '' && address && address !== location.pathname + location.search) goInstead(address)
  }, [followed, address])
}

/** The page's keys where no terminal hears them: on the tabs, on a divider. */
function useKeys(desk: Desk): void {
  useEffect(() => {
    const pressed = (event: KeyboardEvent) => {
      const { target } = event
      if (event.defaultPrevented || !(target instanceof Element)) return
      if (target.closest('.terminal-fit, input, textarea, select, dialog')) return
      const action = actionOf(event)
      if (!action) {
        // Nothing has the focus: what is typed is for the terminal.
        if (target === document.body && event.key !== 'Tab') desk.view?.focus()
        return
      }
      event.preventDefault()
      desk.run(action, Number(event.code.at(-1)))
    }
    document.addEventListener('keydown', pressed)
    return () => document.removeEventListener('keydown', pressed)
  }, [desk])
}

/** A telephone's keyboard lies over the page: what is left of it is the page's height. */
function useKeyboardRoom() {
  const page = useRef<HTMLDivElement>(null)
  useEffect(() => {
    const { visualViewport } = window
    const fit = () => {
      if (!visualViewport || !page.current) return
      const covered = window.innerHeight - visualViewport.height * visualViewport.scale
      page.current.style.height = covered > KEYBOARD ? `${visualViewport.height}px` : ''
    }
    visualViewport?.addEventListener('resize', fit)
    return () => visualViewport?.removeEventListener('resize', fit)
  }, [])
  return page
}

function Space({ workspace }: { workspace: Workspace }) {
  const look = useLook()
  const narrow = useNarrow()
  const desk = useDesk()
  const { over } = useDeskState()
  const loaded = useLoaded(workspace)
  const tabs = workspace.tabs.map((tab) => {
    const shown = tab.id === workspace.focus
    const places = layout(tab.root)
    return { tab, shown, places: narrow ? only(places, tab.focus) : places }
  })
  const front = tabs.find((one) => one.shown)
  return (
    <main className={front && front.places.panes.length > 1 ? 'panes several' : 'panes'}>
      {tabs.flatMap(({ tab, shown, places }) =>
        panesOf(tab.root).map((pane) => {
          const rect = places.panes.find((one) => one.pane === pane)?.rect
          if (!shown && !loaded.has(pane.uid)) return null
          return (
            <Pane
              key={`${pane.uid} ${pane.watch}`}
              pane={pane}
              rect={rect ?? { left: 0, top: 0, width: 1, height: 1 }}
              shown={shown && rect !== undefined}
              focused={shown && tab.focus === pane.uid}
              finding={over?.kind === 'find' && shown && tab.focus === pane.uid}
              look={look}
            />
          )
        }),
      )}
      {front?.places.dividers.map((divider) => (
        <DividerBar key={divider.split} divider={divider} />
      ))}
      <Closed desk={desk} />
    </main>
  )
}

function only({ panes }: Layout, uid: string): Layout {
  const whole = { left: 0, top: 0, width: 1, height: 1 }
  return {
    panes: panes.filter(({ pane }) => pane.uid === uid).map(({ pane }) => ({ pane, rect: whole })),
    dividers: [],
  }
}

/** What is in front is connected first; the other tabs when it stands. */
function useLoaded(workspace: Workspace): ReadonlySet<string> {
  const front = focusedPane(workspace)?.uid
  const { phase } = useViewState(front)
  const [loaded, setLoaded] = useState<ReadonlySet<string>>(new Set())
  const stands = phase.kind !== 'connecting'
  useEffect(() => {
    const all = workspace.tabs.filter((tab) => stands || tab.id === workspace.focus)
    setLoaded((now) => new Set([...now, ...all.flatMap((tab) => panesOf(tab.root).map((pane) => pane.uid))]))
  }, [workspace, stands])
  return loaded
}

function Below({ pane }: { pane: Leaf }) {
  const narrow = useNarrow()
  const { sessions } = useLive()
  const { title } = useViewState(pane.uid)
  const session = sessions.find((one) => one.uid === pane.uid)
  const name = session ? sessionName(session) : pane.uid.slice(-8)
  return (
    <>
      <title>{`${title || name} · Bastide`}</title>
      {narrow && <KeyRow uid={pane.uid} />}
      <StatusLine pane={pane} session={session} name={name} />
      <Overlay pane={pane} session={session} name={name} />
    </>
  )
}

function Overlay({ pane, session, name }: { pane: Leaf; session: Session | undefined; name: string }) {
  const { t } = useTranslation()
  const desk = useDesk()
  const { over } = useDeskState()
  const { phase } = useViewState(pane.uid)
  const shells = useRight('session_create')
  const close = () => desk.show(null)
  if (over?.kind === 'menu') {
    const tab = workspaceStore.get().tabs.find((one) => one.focus === pane.uid)
    const open = phase.kind !== 'ended' && phase.kind !== 'closed'
    const selected = desk.view?.screen.terminal.hasSelection() ?? false
    const panes = tab ? panesOf(tab.root).length : 1
    return <Menu x={over.x} y={over.y} groups={menuItems({ pane, session, selected, panes, open, shells })} />
  }
  if (over?.kind === 'share') return <ShareDialog uid={over.uid} name={name} close={close} />
  if (over?.kind === 'people') {
    return <PeopleDialog uid={over.uid} session={session} name={name} close={close} />
  }
  if (over?.kind !== 'end') return null
  return (
    <Dialog title={t('terminal.end.title')} close={close}>
      <p>{t('terminal.end.lead', { name })}</p>
      <div className="dialog-actions">
        <button type="button" className="button" data-first onClick={close}>
          {t('terminal.end.cancel')}
        </button>
        <button type="button" className="button danger" onClick={() => void desk.end(over.uid)}>
          {t('terminal.end.confirm')}
        </button>
      </div>
    </Dialog>
  )
}

/** Said after a pane was closed: nothing was lost by it. */
function Closed({ desk }: { desk: Desk }) {
  const { t } = useTranslation()
  const { closed } = useDeskState()
  return (
    <div className="toast" role="status">
      {closed.length > 0 && (
        <div className="note">
          <span>{t('terminal.closed', { count: closed.length })}</span>
          <button type="button" className="quiet" onClick={() => desk.bringBack()}>
            {t('terminal.closed.undo')}
          </button>
        </div>
      )}
    </div>
  )
}

function useNarrow(): boolean {
  return useSyncExternalStore(subscribeNarrow, () => window.matchMedia(NARROW).matches)
}

function subscribeNarrow(changed: () => void): () => void {
  const narrow = window.matchMedia(NARROW)
  narrow.addEventListener('change', changed)
  return () => narrow.removeEventListener('change', changed)
}

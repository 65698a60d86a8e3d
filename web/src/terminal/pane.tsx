import { type MouseEvent, useEffect, useRef, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { liveStore, useLive } from '../api/live.ts'
import { sessionName } from '../api/types.ts'
import { useDesk, useViewState } from './desk.ts'
import { Dialling } from './dialling.tsx'
import { FindBar } from './find.tsx'
import type { Look } from './look.ts'
import { Notes, PasteQuestion } from './notes.tsx'
import { PromptAsked } from './prompt.tsx'
import { mayType } from './rights.ts'
import { actionOf, isPageKey } from './shortcuts.ts'
import type { View } from './view.ts'
import type { Leaf, Rect } from './workspace.ts'
import { workspaceStore } from './workspace-store.ts'

export interface PaneProps {
  pane: Leaf
  /** Where it lies in its tab, in shares of it. */
  rect: Rect
  /** Its tab is in front. */
  shown: boolean
  focused: boolean
  /** Whether its find bar is open. */
  finding: boolean
  look: Look
}

/** One terminal. Another session or right is another pane: it has its own `key`. */
export function Pane({ pane, rect, shown, focused, finding, look }: PaneProps) {
  const { t } = useTranslation()
  const desk = useDesk()
  const element = useRef<HTMLDivElement>(null)
  const [view, setView] = useState<View>()
  const first = useRef(look)
  const session = useLive().sessions.find((one) => one.uid === pane.uid)
  const { uid, watch } = pane

  useEffect(() => {
    const place = element.current
    if (!place) return
    const opened = desk.views.open({
      uid,
      watch,
      look: first.current,
      key: (event) => ownKey(desk, event),
      loggedOut: liveStore.loggedOut,
    })
    opened.mount(place)
    setView(opened)
    return () => desk.views.close(opened)
  }, [desk, uid, watch])

  // Who may only watch is not refused for having asked for more.
  const mayWrite = mayType(session)
  useEffect(() => {
    if (!mayWrite && !watch) workspaceStore.apply({ type: 'replace', uid, by: uid, watch: true })
  }, [mayWrite, watch, uid])

  useEffect(() => view?.look(look), [view, look])
  useEffect(() => view?.show(shown), [view, shown])
  useEffect(() => {
    if (shown && focused) view?.focus()
  }, [view, shown, focused])

  const menu = (event: MouseEvent) => {
    // A field over the terminal has the browser's own menu.
    if (!(event.target instanceof Node && element.current?.contains(event.target))) return
    // A program that hears the mouse gets the click; with Shift it is ours.
    const heard = view?.screen.terminal.modes.mouseTrackingMode !== 'none'
    event.preventDefault()
    event.stopPropagation()
    if (heard && !event.shiftKey) return
    workspaceStore.apply({ type: 'focus', uid })
    desk.show({ kind: 'menu', x: event.clientX, y: event.clientY })
  }
  return (
    <section
      className={`pane${focused ? ' focused' : ''}`}
      aria-label={t('terminal.label', { name: session ? sessionName(session) : uid.slice(-8) })}
      data-uid={uid}
      hidden={!shown}
      style={{
        left: `${rect.left * 100}%`,
        top: `${rect.top * 100}%`,
        width: `${rect.width * 100}%`,
        height: `${rect.height * 100}%`,
        background: look.palette.theme.background,
        colorScheme: look.palette.dark ? 'dark' : 'light',
      }}
      onFocus={() => workspaceStore.apply({ type: 'focus', uid })}
      onContextMenuCapture={menu}
    >
      <Fit pane={pane} element={element} />
      {finding && view && <FindBar view={view} look={look} />}
      <Notes pane={pane} view={view} />
      <Dialling uid={uid} session={session} />
      <PromptAsked key={uid} uid={uid} view={view} active={shown && focused} />
      <PasteAsked uid={uid} view={view} />
    </section>
  )
}

function Fit({ pane, element }: { pane: Leaf; element: React.RefObject<HTMLDivElement | null> }) {
  const { phase } = useViewState(pane.uid)
  const away = phase.kind === 'reconnecting' || phase.kind === 'waiting'
  return (
    <div className={away ? 'terminal-space away' : 'terminal-space'}>
      <div className="terminal-fit" ref={element} />
    </div>
  )
}

function PasteAsked({ uid, view }: { uid: string; view: View | undefined }) {
  const { paste } = useViewState(uid)
  return paste && view ? <PasteQuestion paste={paste} view={view} /> : null
}

/** True when the key is the page's. What the browser does better by itself (paste) it does. */
function ownKey(desk: ReturnType<typeof useDesk>, event: KeyboardEvent): boolean {
  if (isPageKey(event)) {
    // The palette hears its key by itself; the list of shortcuts only where nobody types.
    if (event.type === 'keydown' && event.key === '?') desk.run('keys')
    return true
  }
  const action = actionOf(event)
  if (!action) return false
  if (action === 'paste') return true
  if (event.type === 'keydown') {
    event.preventDefault()
    desk.run(action, Number(event.code.at(-1)))
  }
  return true
}

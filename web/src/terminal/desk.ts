// What can be done on the terminal page, by key, menu or button, and which question lies over it.

import { createContext, useContext, useSyncExternalStore } from 'react'
import { askForKeyboard, createSession, endSession, Problem } from '../api/client.ts'
import { liveStore } from '../api/live.ts'
import type { Session } from '../api/types.ts'
import { openOverlay } from '../frame/open.ts'
import { go, terminalAddress } from '../router.ts'
import { againOn } from '../servers/open.ts'
import { getSettings } from '../settings.ts'
import { readClipboard } from './clipboard.ts'
import { stepFont } from './look.ts'
import type { Action } from './shortcuts.ts'
import type { View, ViewState } from './view.ts'
import { Views } from './views.ts'
import {
  allPanes,
  type Direction,
  focusedPane,
  focusedTab,
  neighbour,
  nudge,
  panesOf,
  type Side,
} from './workspace.ts'
import { workspaceStore } from './workspace-store.ts'

/** Everything that the menu and the keys can ask for. */
export type Command =
  | Action
  | 'select_all'
  | 'share'
  | 'people'
  | 'end'
  | 'watch'
  | 'write'
  | 'next_pane'
  | 'settings'
  | 'keys'

export type Over =
  | { kind: 'menu'; x: number; y: number }
  | { kind: 'find' }
  | { kind: 'share'; uid: string }
  | { kind: 'people'; uid: string }
  | { kind: 'end'; uid: string }

export interface DeskState {
  over: Over | null
  /** Sessions whose panes were just closed: they can be brought back. */
  closed: readonly string[]
}

const focusedUid = () => focusedPane(workspaceStore.get())?.uid

/**
 * Where that one is: on its server, or in its folder here; elsewhere, when that folder is gone or belongs to
 * somebody else.
 */
async function newShell(uid = focusedUid()): Promise<Session> {
  const beside = liveStore.get().sessions.find((one) => one.uid === uid)
  if (beside?.server) return againOn(beside.server)
  const cwd = beside?.state === 'running' ? beside.cwd : null
  try {
    return await createSession(cwd ? { cwd } : undefined)
  } catch (error) {
    if (!cwd || !(error instanceof Problem) || error.status < 400 || error.status === 403) throw error
    return createSession()
  }
}

/** Share of the tab that one press moves a divider. */
const NUDGE = 0.04
/** How long "closed, bring it back" stays. */
const CLOSED_FOR = 8_000

export class Desk {
  readonly views = new Views()
  private state: DeskState = { over: null, closed: [] }
  private readonly listeners = new Set<() => void>()
  private forget: ReturnType<typeof setTimeout> | undefined

  readonly get = (): DeskState => this.state

  readonly subscribe = (changed: () => void): (() => void) => {
    this.listeners.add(changed)
    return () => {
      this.listeners.delete(changed)
    }
  }

  /** The terminal in focus. */
  get view(): View | undefined {
    return this.views.get(focusedPane(workspaceStore.get())?.uid)
  }

  show(over: Over | null): void {
    this.set({ over })
    if (!over) this.view?.focus()
  }

  /** What a key press, a button or the menu asks for; `digit` with `tab_number`. */
  run(command: Command, digit = 0): void {
    RUN[command](this, digit)
  }

  focusTowards(side: Side): void {
    const tab = focusedTab(workspaceStore.get())
    const next = tab && neighbour(tab, tab.focus, side)
    if (next) workspaceStore.apply({ type: 'focus', uid: next })
  }

  moveDivider(side: Side): void {
    const tab = focusedTab(workspaceStore.get())
    const change = tab && nudge(tab, tab.focus, side, NUDGE)
    if (change) workspaceStore.apply(change)
  }

  focusTab(digit: number): void {
    const tab = workspaceStore.get().tabs[digit - 1]
    if (tab) workspaceStore.apply({ type: 'focus_tab', tab: tab.id })
  }

  nextPane(): void {
    const tab = focusedTab(workspaceStore.get())
    if (!tab) return
    const panes = panesOf(tab.root)
    const at = panes.findIndex((pane) => pane.uid === tab.focus)
    const next = panes[(at + 1) % panes.length]
    if (next) workspaceStore.apply({ type: 'focus', uid: next.uid })
  }

  /** The panes go, the sessions stay. With the last pane the page goes too. */
  close(uids: readonly string[]): void {
    const running = uids.filter((uid) => {
      const { phase } = this.views.state(uid)
      return phase.kind !== 'ended' && phase.kind !== 'closed'
    })
    for (const uid of uids) workspaceStore.apply({ type: 'close', uid })
    if (allPanes(workspaceStore.get()).length === 0) {
      go('/')
      return
    }
    // What was pressed is gone, and the focus with it.
    this.view?.focus()
    this.set({ closed: running })
    clearTimeout(this.forget)
    if (running.length > 0) this.forget = setTimeout(() => this.set({ closed: [] }), CLOSED_FOR)
  }

  closeFocused(): void {
    const uid = focusedPane(workspaceStore.get())?.uid
    if (uid !== undefined) this.close([uid])
  }

  bringBack(): void {
    for (const uid of this.state.closed) workspaceStore.apply({ type: 'open', uid, watch: false })
    this.set({ closed: [] })
  }

  async end(uid: string): Promise<void> {
    this.show(null)
    await this.trying(() => endSession(uid))
  }

  async askForKeyboard(uid: string, viewer: number): Promise<void> {
    await this.trying(() => askForKeyboard(uid, viewer))
  }

  async openShell(): Promise<void> {
    const session = await this.trying(() => newShell())
    if (session) workspaceStore.apply({ type: 'open', uid: session.uid, watch: false })
  }

  async splitOff(direction: Direction): Promise<void> {
    const uid = focusedPane(workspaceStore.get())?.uid
    if (uid === undefined) return
    const session = await this.trying(() => newShell())
    if (session) workspaceStore.apply({ type: 'split', at: uid, direction, uid: session.uid })
  }

  /** Another right to the same session. */
  watch(watch: boolean): void {
    const uid = focusedPane(workspaceStore.get())?.uid
    if (uid !== undefined) workspaceStore.apply({ type: 'replace', uid, by: uid, watch })
  }

  /** A question about the pane in focus. */
  ask(kind: 'share' | 'people' | 'end'): void {
    const uid = focusedPane(workspaceStore.get())?.uid
    if (uid !== undefined) this.show({ kind, uid })
  }

  /** Another shell where an ended one was. */
  async again(uid: string): Promise<void> {
    const session = await this.trying(() => newShell(uid))
    if (session) workspaceStore.apply({ type: 'replace', uid, by: session.uid, watch: false })
  }

  /** What does not work is said on the terminal in focus. */
  private async trying<T>(what: () => Promise<T>): Promise<T | null> {
    try {
      return await what()
    } catch (error) {
      if (!(error instanceof Problem)) throw error
      this.view?.notify(error.message ? 'failed' : 'unreachable', error.message)
      return null
    }
  }

  async paste(): Promise<void> {
    const { view } = this
    const text = await readClipboard()
    if (text === null) view?.notify('paste_by_key')
    else view?.paste(text)
    view?.focus()
  }

  async fullScreen(): Promise<void> {
    if (document.fullscreenElement) {
      await document.exitFullscreen()
    } else {
      // The whole document: what is asked over the page must be seen too.
      await document.documentElement.requestFullscreen({ navigationUI: 'hide' }).catch(() => {})
      // Escape is a key of programs. Where the browser can leave it to them, it does so.
      const { keyboard } = navigator as Navigator & {
        keyboard?: { lock?: (keys: string[]) => Promise<void> }
      }
      if (keyboard?.lock) await keyboard.lock(['Escape']).catch(() => {})
      else this.view?.notify('full_screen_escape')
    }
    this.view?.focus()
  }

  menuAtCursor(): void {
    const place = document.querySelector('.pane.focused .terminal-fit')?.getBoundingClientRect()
    this.show({ kind: 'menu', x: (place?.left ?? 0) + 24, y: (place?.top ?? 0) + 24 })
  }

  private set(part: Partial<DeskState>): void {
    this.state = { ...this.state, ...part }
    for (const changed of this.listeners) changed()
  }
}

const scroll = (desk: Desk) => desk.view?.screen.terminal
const font = (by: number) => stepFont(by, getSettings().terminal.fontSize)
const step = (by: number) => workspaceStore.apply({ type: 'step_tab', by })

const RUN: Record<Command, (desk: Desk, digit: number) => void> = {
  tab_new: (desk) => void desk.openShell(),
  split_right: (desk) => void desk.splitOff('row'),
  split_down: (desk) => void desk.splitOff('column'),
  pane_close: (desk) => desk.closeFocused(),
  tab_next: () => step(1),
  tab_previous: () => step(-1),
  tab_number: (desk, digit) => desk.focusTab(digit),
  focus_left: (desk) => desk.focusTowards('left'),
  focus_right: (desk) => desk.focusTowards('right'),
  focus_up: (desk) => desk.focusTowards('up'),
  focus_down: (desk) => desk.focusTowards('down'),
  grow_left: (desk) => desk.moveDivider('left'),
  grow_right: (desk) => desk.moveDivider('right'),
  grow_up: (desk) => desk.moveDivider('up'),
  grow_down: (desk) => desk.moveDivider('down'),
  next_pane: (desk) => desk.nextPane(),
  find: (desk) => desk.show({ kind: 'find' }),
  copy: (desk) => {
    if (!desk.view?.copy()) desk.view?.notify('nothing_selected')
  },
  paste: (desk) => void desk.paste(),
  select_all: (desk) => desk.view?.screen.terminal.selectAll(),
  scroll_top: (desk) => scroll(desk)?.scrollToTop(),
  scroll_bottom: (desk) => scroll(desk)?.scrollToBottom(),
  font_larger: () => font(1),
  font_smaller: () => font(-1),
  font_reset: () => font(0),
  full_screen: (desk) => void desk.fullScreen(),
  settings: () => go('/settings'),
  keys: () => openOverlay('keys'),
  menu: (desk) => desk.menuAtCursor(),
  bar: () => toTheBar(),
  share: (desk) => desk.ask('share'),
  people: (desk) => desk.ask('people'),
  end: (desk) => desk.ask('end'),
  watch: (desk) => desk.watch(true),
  write: (desk) => desk.watch(false),
}

/** From a terminal to the tabs; Escape leads back. */
function toTheBar(): void {
  document.querySelector<HTMLElement>('.tabs [aria-current]')?.focus()
}

export const DeskContext = createContext<Desk>(new Desk())

export function useDesk(): Desk {
  return useContext(DeskContext)
}

export function useDeskState(): DeskState {
  const desk = useDesk()
  return useSyncExternalStore(desk.subscribe, desk.get)
}

export function useViewState(uid: string | undefined): ViewState {
  const { views } = useDesk()
  return useSyncExternalStore(views.subscribe, () => views.state(uid))
}

/** Of several terminals the strongest: what a tab shows that is not in front. */
export function useAttention(uids: readonly string[]): ViewState['attention'] {
  const { views } = useDesk()
  return useSyncExternalStore(views.subscribe, () => {
    const all = uids.map((uid) => views.state(uid).attention)
    return all.includes('bell') ? 'bell' : all.includes('output') ? 'output' : 'none'
  })
}

/** Where a session of the workspace has its address. */
export function addressOf(pane: { uid: string; watch: boolean }): string {
  return terminalAddress(pane.uid, pane.watch)
}

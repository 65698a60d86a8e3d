// The tabs of one window, each a tree of splits, each leaf a session. Pure: what changes it returns a new one.
//
// What always holds: a session is in one pane only; every tab has a pane and one of its own in focus; one tab is
// in focus while there is any.

export type Direction = 'row' | 'column'
export type Side = 'left' | 'right' | 'up' | 'down'

export interface Leaf {
  kind: 'pane'
  uid: string
  /** Look on and do not type. */
  watch: boolean
}

export interface Split {
  kind: 'split'
  id: number
  /** `row`: side by side. */
  direction: Direction
  /** Share of the first. */
  ratio: number
  first: Node
  second: Node
}

export type Node = Leaf | Split

export interface Tab {
  id: number
  root: Node
  /** The session of the pane in focus. */
  focus: string
}

export interface Workspace {
  tabs: readonly Tab[]
  /** The tab in focus; null without tabs. */
  focus: number | null
  /** The next unused number of a tab or split. */
  next: number
}

export type Change =
  | { type: 'open'; uid: string; watch: boolean }
  | { type: 'split'; at: string; direction: Direction; uid: string }
  | { type: 'replace'; uid: string; by: string; watch: boolean }
  | { type: 'close'; uid: string }
  | { type: 'close_tab'; tab: number }
  | { type: 'focus'; uid: string }
  | { type: 'focus_tab'; tab: number }
  | { type: 'step_tab'; by: number }
  | { type: 'move_tab'; tab: number; to: number }
  | { type: 'ratio'; split: number; ratio: number }

export const EMPTY: Workspace = { tabs: [], focus: null, next: 1 }

/** A pane of this share can still be seen and dragged back. */
export const LEAST_RATIO = 0.08
/** More of them than anybody can tell apart; each is a connection. */
export const MAX_TABS = 40
export const MAX_PANES = 12

export function panesOf(node: Node): Leaf[] {
  return node.kind === 'pane' ? [node] : [...panesOf(node.first), ...panesOf(node.second)]
}

export function allPanes(workspace: Workspace): Leaf[] {
  return workspace.tabs.flatMap((tab) => panesOf(tab.root))
}

export function focusedTab(workspace: Workspace): Tab | undefined {
  return workspace.tabs.find((tab) => tab.id === workspace.focus)
}

export function focusedPane(workspace: Workspace): Leaf | undefined {
  const tab = focusedTab(workspace)
  return tab && panesOf(tab.root).find((pane) => pane.uid === tab.focus)
}

export function tabOf(workspace: Workspace, uid: string): Tab | undefined {
  return workspace.tabs.find((tab) => panesOf(tab.root).some((pane) => pane.uid === uid))
}

export function change(now: Workspace, what: Change): Workspace {
  switch (what.type) {
    case 'open':
      return open(now, what.uid, what.watch)
    case 'split':
      return split(now, what)
    case 'replace':
      return replace(now, what)
    case 'close':
      return close(now, what.uid)
    case 'close_tab':
      return closeTab(now, what.tab)
    case 'focus':
      return focus(now, what.uid)
    case 'focus_tab':
      return now.tabs.some((tab) => tab.id === what.tab) ? { ...now, focus: what.tab } : now
    case 'step_tab':
      return stepTab(now, what.by)
    case 'move_tab':
      return moveTab(now, what.tab, what.to)
    case 'ratio':
      return mapTabs(now, (node) => setRatio(node, what.split, clamp(what.ratio)))
  }
}

function open(now: Workspace, uid: string, watch: boolean): Workspace {
  const there = tabOf(now, uid)
  if (there) return focus(replace(now, { uid, by: uid, watch }), uid)
  if (now.tabs.length >= MAX_TABS) return now
  const tab: Tab = { id: now.next, root: { kind: 'pane', uid, watch }, focus: uid }
  const at = now.tabs.findIndex((one) => one.id === now.focus) + 1
  const tabs = now.tabs.toSpliced(at === 0 ? now.tabs.length : at, 0, tab)
  return { tabs, focus: tab.id, next: now.next + 1 }
}

function split(now: Workspace, { at, direction, uid }: Extract<Change, { type: 'split' }>): Workspace {
  const tab = tabOf(now, at)
  if (!tab || tabOf(now, uid) || panesOf(tab.root).length >= MAX_PANES) return now
  const added: Leaf = { kind: 'pane', uid, watch: false }
  const root = mapPane(tab.root, at, (pane) => ({
    kind: 'split',
    id: now.next,
    direction,
    ratio: 0.5,
    first: pane,
    second: added,
  }))
  const tabs = now.tabs.map((one) => (one === tab ? { ...tab, root, focus: uid } : one))
  return { tabs, focus: tab.id, next: now.next + 1 }
}

function replace(now: Workspace, { uid, by, watch }: Omit<Extract<Change, { type: 'replace' }>, 'type'>) {
  if (!tabOf(now, uid) || (by !== uid && tabOf(now, by))) return now
  const changed = mapTabs(now, (node) => mapPane(node, uid, () => ({ kind: 'pane', uid: by, watch })))
  const tabs = changed.tabs.map((tab) => (tab.focus === uid ? { ...tab, focus: by } : tab))
  return { ...changed, tabs }
}

function close(now: Workspace, uid: string): Workspace {
  const tab = tabOf(now, uid)
  if (!tab) return now
  const order = panesOf(tab.root).map((pane) => pane.uid)
  const at = order.indexOf(uid)
  const neighbour = order[at + 1] ?? order[at - 1]
  const root = without(tab.root, uid)
  if (!root || !neighbour) return closeTab(now, tab.id)
  const focused = tab.focus === uid ? neighbour : tab.focus
  return { ...now, tabs: now.tabs.map((one) => (one === tab ? { ...tab, root, focus: focused } : one)) }
}

function closeTab(now: Workspace, id: number): Workspace {
  const at = now.tabs.findIndex((tab) => tab.id === id)
  if (at === -1) return now
  const tabs = now.tabs.toSpliced(at, 1)
  const focused = now.focus === id ? (tabs[at] ?? tabs[at - 1])?.id : now.focus
  return { ...now, tabs, focus: focused ?? null }
}

function focus(now: Workspace, uid: string): Workspace {
  const tab = tabOf(now, uid)
  if (!tab || (tab.focus === uid && now.focus === tab.id)) return now
  const tabs = now.tabs.map((one) => (one === tab ? { ...tab, focus: uid } : one))
  return { ...now, tabs, focus: tab.id }
}

function stepTab(now: Workspace, by: number): Workspace {
  const count = now.tabs.length
  const at = now.tabs.findIndex((tab) => tab.id === now.focus)
  const to = now.tabs[(((at + by) % count) + count) % count]
  return to && at !== -1 ? { ...now, focus: to.id } : now
}

function moveTab(now: Workspace, id: number, to: number): Workspace {
  const at = now.tabs.findIndex((tab) => tab.id === id)
  const moved = now.tabs[at]
  if (!moved) return now
  const place = Math.min(Math.max(0, to), now.tabs.length - 1)
  return { ...now, tabs: now.tabs.toSpliced(at, 1).toSpliced(place, 0, moved) }
}

function mapTabs(now: Workspace, map: (node: Node) => Node): Workspace {
  return { ...now, tabs: now.tabs.map((tab) => ({ ...tab, root: map(tab.root) })) }
}

function mapPane(node: Node, uid: string, map: (pane: Leaf) => Node): Node {
  if (node.kind === 'pane') return node.uid === uid ? map(node) : node
  const first = mapPane(node.first, uid, map)
  const second = mapPane(node.second, uid, map)
  return first === node.first && second === node.second ? node : { ...node, first, second }
}

function without(node: Node, uid: string): Node | null {
  if (node.kind === 'pane') return node.uid === uid ? null : node
  const first = without(node.first, uid)
  const second = without(node.second, uid)
  if (!first || !second) return first ?? second
  return { ...node, first, second }
}

function setRatio(node: Node, id: number, ratio: number): Node {
  if (node.kind === 'pane') return node
  if (node.id === id) return { ...node, ratio }
  return { ...node, first: setRatio(node.first, id, ratio), second: setRatio(node.second, id, ratio) }
}

const clamp = (ratio: number) => Math.min(1 - LEAST_RATIO, Math.max(LEAST_RATIO, ratio))

/** All in shares of the whole tab. */
export interface Rect {
  left: number
  top: number
  width: number
  height: number
}

export interface Divider {
  split: number
  direction: Direction
  ratio: number
  /** What it divides. */
  area: Rect
}

export interface Layout {
  panes: { pane: Leaf; rect: Rect }[]
  dividers: Divider[]
}

export function layout(node: Node, area: Rect = { left: 0, top: 0, width: 1, height: 1 }): Layout {
  if (node.kind === 'pane') return { panes: [{ pane: node, rect: area }], dividers: [] }
  const { ratio, direction } = node
  const [one, other] = parts(area, direction, ratio)
  const first = layout(node.first, one)
  const second = layout(node.second, other)
  return {
    panes: [...first.panes, ...second.panes],
    dividers: [{ split: node.id, direction, ratio, area }, ...first.dividers, ...second.dividers],
  }
}

function parts(area: Rect, direction: Direction, ratio: number): [Rect, Rect] {
  const { left, top, width, height } = area
  if (direction === 'row') {
    const cut = width * ratio
    return [
      { ...area, width: cut },
      { ...area, left: left + cut, width: width - cut },
    ]
  }
  const cut = height * ratio
  return [
    { ...area, height: cut },
    { ...area, top: top + cut, height: height - cut },
  ]
}

/** Edges that meet differ by rounding only. */
const TOUCH = 1e-6

/** The pane that lies on that side of another, the one that shares most of the edge. */
export function neighbour(tab: Tab, uid: string, side: Side): string | null {
  const { panes } = layout(tab.root)
  const from = panes.find(({ pane }) => pane.uid === uid)?.rect
  if (!from) return null
  let best: string | null = null
  let most = TOUCH
  for (const { pane, rect } of panes) {
    const shared = touching(from, rect, side)
    if (shared > most) {
      most = shared
      best = pane.uid
    }
  }
  return best
}

function touching(from: Rect, to: Rect, side: Side): number {
  const across = side === 'left' || side === 'right'
  const gap = {
    left: to.left + to.width - from.left,
    right: from.left + from.width - to.left,
    up: to.top + to.height - from.top,
    down: from.top + from.height - to.top,
  }[side]
  if (Math.abs(gap) > TOUCH) return 0
  return across
    ? Math.min(from.top + from.height, to.top + to.height) - Math.max(from.top, to.top)
    : Math.min(from.left + from.width, to.left + to.width) - Math.max(from.left, to.left)
}

/** The divider next to a pane moved by a share of the tab, from the keyboard; null when there is none. */
export function nudge(tab: Tab, uid: string, side: Side, by: number): Change | null {
  const direction = side === 'left' || side === 'right' ? 'row' : 'column'
  // The innermost that divides in this direction and holds the pane.
  const divider = layout(tab.root)
    .dividers.filter((one) => one.direction === direction)
    .filter((one) => holds(tab.root, one.split, uid))
    .at(-1)
  if (!divider) return null
  const length = direction === 'row' ? divider.area.width : divider.area.height
  const step = (side === 'left' || side === 'up' ? -by : by) / length
  return { type: 'ratio', split: divider.split, ratio: divider.ratio + step }
}

function holds(node: Node, split: number, uid: string): boolean {
  if (node.kind === 'pane') return false
  if (node.id === split) return panesOf(node).some((pane) => pane.uid === uid)
  return holds(node.first, split, uid) || holds(node.second, split, uid)
}

/** What was stored, whoever wrote it: what is not whole is left out. */
export function readWorkspace(stored: string | null): Workspace {
  let said: unknown
  try {
    said = JSON.parse(stored ?? 'null')
  } catch {
    return EMPTY
  }
  if (!isObject(said) || !Array.isArray(said.tabs)) return EMPTY
  const seen = new Set<string>()
  let next = 1
  const tabs: Tab[] = []
  for (const tab of said.tabs.slice(0, MAX_TABS)) {
    if (!isObject(tab)) continue
    const root = readNode(tab.root, seen, () => next++)
    const first = root && panesOf(root)[0]
    if (!root || !first) continue
    const focused = panesOf(root).find((pane) => pane.uid === tab.focus) ?? first
    tabs.push({ id: next++, root, focus: focused.uid })
    if (tab.id === said.focus) said.focused = tabs.at(-1)?.id
  }
  const focused = tabs.find((tab) => isObject(said) && tab.id === said.focused) ?? tabs[0]
  return { tabs, focus: focused?.id ?? null, next }
}

const DEEPEST = 16

function readNode(said: unknown, seen: Set<string>, number: () => number, depth = 0): Node | null {
  if (!isObject(said) || depth > DEEPEST) return null
  if (said.kind === 'pane') {
    const { uid } = said
    if (typeof uid !== 'string' || !/^[0-9a-f-]{36}$/i.test(uid) || seen.has(uid)) return null
    seen.add(uid)
    return { kind: 'pane', uid, watch: said.watch === true }
  }
  if (said.kind !== 'split') return null
  const first = readNode(said.first, seen, number, depth + 1)
  const second = readNode(said.second, seen, number, depth + 1)
  if (!first || !second) return first ?? second
  const direction = said.direction === 'column' ? 'column' : 'row'
  const ratio = typeof said.ratio === 'number' && Number.isFinite(said.ratio) ? clamp(said.ratio) : 0.5
  return { kind: 'split', id: number(), direction, ratio, first, second }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}

import { describe, expect, it } from 'vitest'
import {
  allPanes,
  type Change,
  change,
  EMPTY,
  focusedPane,
  focusedTab,
  LEAST_RATIO,
  layout,
  MAX_PANES,
  MAX_TABS,
  neighbour,
  nudge,
  panesOf,
  readWorkspace,
  type Side,
  type Workspace,
} from './workspace.ts'

const uid = (number: number) => `01900000-0000-7000-8000-${String(number).padStart(12, '0')}`
const [A, B, C, D] = [uid(1), uid(2), uid(3), uid(4)]

function after(changes: Change[], from: Workspace = EMPTY): Workspace {
  return changes.reduce(change, from)
}

const opened = (...uids: string[]) => after(uids.map((one) => ({ type: 'open', uid: one, watch: false })))
const order = (workspace: Workspace) => workspace.tabs.map((tab) => tab.focus)

/** A | (B over C): the usual three. */
const three = after([
  { type: 'open', uid: A, watch: false },
  { type: 'split', at: A, direction: 'row', uid: B },
  { type: 'split', at: B, direction: 'column', uid: C },
])

describe('tabs', () => {
  it('open beside the one in focus, and only once per session', () => {
    const two = opened(A, B)
    expect(
      order(change(change(two, { type: 'focus', uid: A }), { type: 'open', uid: C, watch: false })),
    ).toEqual([A, C, B])
    const again = change(two, { type: 'open', uid: A, watch: true })
    expect(order(again)).toEqual([A, B])
    expect(focusedPane(again)).toEqual({ kind: 'pane', uid: A, watch: true })
  })

  it('close to the one that takes their place', () => {
    const all = opened(A, B, C)
    const middle = change(all, { type: 'focus', uid: B })
    expect(focusedPane(change(middle, { type: 'close', uid: B }))?.uid).toBe(C)
    expect(focusedPane(change(all, { type: 'close', uid: C }))?.uid).toBe(B)
    expect(focusedPane(change(all, { type: 'close', uid: A }))?.uid).toBe(C)
    expect(after([{ type: 'close', uid: A }], opened(A))).toMatchObject({ tabs: [], focus: null })
  })

  it('go round, and move', () => {
    const all = opened(A, B, C)
    expect(focusedPane(change(all, { type: 'step_tab', by: 1 }))?.uid).toBe(A)
    expect(focusedPane(change(all, { type: 'step_tab', by: -2 }))?.uid).toBe(A)
    const first = all.tabs[0]?.id ?? 0
    expect(order(change(all, { type: 'move_tab', tab: first, to: 99 }))).toEqual([B, C, A])
    expect(order(change(all, { type: 'move_tab', tab: first, to: 1 }))).toEqual([B, A, C])
  })

  it('are not without end', () => {
    const many = Array.from({ length: MAX_TABS + 5 }, (_, number) => uid(number))
    expect(opened(...many).tabs).toHaveLength(MAX_TABS)
    let split = opened(A)
    for (let number = 10; number < 40; number++) {
      split = change(split, { type: 'split', at: A, direction: 'row', uid: uid(number) })
    }
    expect(allPanes(split)).toHaveLength(MAX_PANES)
  })
})

describe('splits', () => {
  it('share the place of what they split', () => {
    const { panes, dividers } = layout(three.tabs[0]?.root ?? fail())
    expect(panes.map(({ pane, rect }) => [pane.uid, rect.left, rect.top, rect.width, rect.height])).toEqual([
      [A, 0, 0, 0.5, 1],
      [B, 0.5, 0, 0.5, 0.5],
      [C, 0.5, 0.5, 0.5, 0.5],
    ])
    expect(dividers.map((one) => one.direction)).toEqual(['row', 'column'])
  })

  it('give their place back', () => {
    const closed = change(three, { type: 'close', uid: C })
    expect(layout(focusedTab(closed)?.root ?? fail()).panes.map(({ rect }) => rect.height)).toEqual([1, 1])
    expect(focusedPane(closed)?.uid).toBe(B)
  })

  it('have neighbours', () => {
    const tab = focusedTab(three) ?? fail()
    const at = (from: string, side: Side) => neighbour(tab, from, side)
    expect([at(A, 'right'), at(B, 'left'), at(B, 'down'), at(C, 'up'), at(C, 'left')]).toEqual([
      B,
      A,
      C,
      B,
      A,
    ])
    expect([at(A, 'left'), at(B, 'up'), at(C, 'right'), at(A, 'down')]).toEqual([null, null, null, null])
  })

  it('are moved by the keyboard, the innermost divider that fits, and never shut', () => {
    const tab = focusedTab(three) ?? fail()
    expect(nudge(tab, C, 'right', 0.05)).toMatchObject({ type: 'ratio', ratio: 0.55 })
    expect(nudge(tab, C, 'up', 0.05)).toMatchObject({ type: 'ratio', ratio: 0.45 })
    expect(nudge(tab, A, 'up', 0.05)).toBeNull()
    const split = layout(tab.root).dividers[0]?.split ?? 0
    const shut = change(three, { type: 'ratio', split, ratio: -3 })
    expect(layout(focusedTab(shut)?.root ?? fail()).panes[0]?.rect.width).toBeCloseTo(LEAST_RATIO)
  })

  it('keep their place when another session comes into a pane', () => {
    const again = change(three, { type: 'replace', uid: C, by: D, watch: false })
    expect(focusedPane(again)?.uid).toBe(D)
    expect(allPanes(again).map((pane) => pane.uid)).toEqual([A, B, D])
    expect(change(three, { type: 'replace', uid: C, by: A, watch: false })).toBe(three)
  })
})

describe('what is stored', () => {
  it('comes back the same', () => {
    const stored = JSON.stringify(change(three, { type: 'open', uid: D, watch: true }))
    const back = readWorkspace(stored)
    expect(back.tabs.map((tab) => layout(tab.root).panes)).toEqual(
      change(three, { type: 'open', uid: D, watch: true }).tabs.map((tab) => layout(tab.root).panes),
    )
    expect(focusedPane(back)).toEqual({ kind: 'pane', uid: D, watch: true })
  })

  it('is not believed', () => {
    for (const bad of [
      null,
      '',
      '{',
      '[]',
      '"x"',
      '{"tabs":7}',
      '{"tabs":[null,{},{"root":{"kind":"x"}}]}',
    ]) {
      expect(readWorkspace(bad)).toEqual(EMPTY)
    }
    const twice = { kind: 'pane', uid: A }
    const said = {
      focus: 5,
      tabs: [
        { id: 5, focus: 'x', root: { kind: 'split', ratio: 9, first: twice, second: twice } },
        { id: 5, root: { kind: 'pane', uid: '../../etc' } },
        {
          root: {
            kind: 'split',
            direction: 'column',
            ratio: 'x',
            first: { kind: 'pane', uid: B },
            second: { kind: 'pane', uid: C },
          },
        },
      ],
    }
    const read = readWorkspace(JSON.stringify(said))
    expect(allPanes(read).map((pane) => pane.uid)).toEqual([A, B, C])
    expect(read.tabs[0]?.root).toMatchObject({ kind: 'pane', uid: A })
    expect(read.tabs[1]?.root).toMatchObject({ kind: 'split', ratio: 0.5, direction: 'column' })
    let deep: unknown = { kind: 'pane', uid: A }
    for (let depth = 0; depth < 100; depth++) deep = { kind: 'split', first: deep, second: null }
    expect(readWorkspace(JSON.stringify({ tabs: [{ root: deep }] }))).toEqual(EMPTY)
  })
})

/** Small and always the same for one seed (mulberry32). */
function randomness(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

function anyChange(random: () => number): Change {
  const pick = (most: number) => Math.floor(random() * most)
  const some = () => uid(pick(12))
  const changes: (() => Change)[] = [
    () => ({ type: 'open', uid: some(), watch: random() < 0.3 }),
    () => ({ type: 'split', at: some(), direction: random() < 0.5 ? 'row' : 'column', uid: some() }),
    () => ({ type: 'split', at: some(), direction: random() < 0.5 ? 'row' : 'column', uid: some() }),
    () => ({ type: 'replace', uid: some(), by: some(), watch: false }),
    () => ({ type: 'close', uid: some() }),
    () => ({ type: 'close_tab', tab: pick(30) }),
    () => ({ type: 'focus', uid: some() }),
    () => ({ type: 'focus_tab', tab: pick(30) }),
    () => ({ type: 'step_tab', by: pick(7) - 3 }),
    () => ({ type: 'move_tab', tab: pick(30), to: pick(9) - 2 }),
    () => ({ type: 'ratio', split: pick(30), ratio: random() * 3 - 1 }),
  ]
  return (changes[pick(changes.length)] ?? fail())()
}

function check(workspace: Workspace): void {
  const uids = allPanes(workspace).map((pane) => pane.uid)
  expect(new Set(uids).size).toBe(uids.length)
  expect(workspace.tabs.length === 0).toBe(workspace.focus === null)
  if (workspace.focus !== null) expect(focusedPane(workspace)).toBeDefined()
  const ids = workspace.tabs.flatMap((tab) => [tab.id, ...layout(tab.root).dividers.map((one) => one.split)])
  expect(new Set(ids).size).toBe(ids.length)
  for (const id of ids) expect(id).toBeLessThan(workspace.next)
  for (const tab of workspace.tabs) {
    expect(panesOf(tab.root).some((pane) => pane.uid === tab.focus)).toBe(true)
    const { panes } = layout(tab.root)
    const covered = panes.reduce((sum, { rect }) => sum + rect.width * rect.height, 0)
    expect(covered).toBeCloseTo(1, 9)
    for (const { pane, rect } of panes) {
      expect(Math.min(rect.width, rect.height)).toBeGreaterThan(0)
      for (const [side, back] of [
        ['left', 'right'],
        ['up', 'down'],
      ] as const) {
        const next = neighbour(tab, pane.uid, side)
        if (next) expect(neighbour(tab, next, back), 'the way back leads somewhere').not.toBeNull()
      }
    }
  }
}

describe('whatever is done to it', () => {
  it('what always holds, holds, and a reload changes nothing', () => {
    for (let seed = 1; seed <= 20; seed++) {
      const random = randomness(seed)
      let workspace = EMPTY
      for (let step = 0; step < 60; step++) {
        workspace = change(workspace, anyChange(random))
        check(workspace)
      }
      const back = readWorkspace(JSON.stringify(workspace))
      check(back)
      expect(back.tabs.map((tab) => [tab.focus, layout(tab.root).panes])).toEqual(
        workspace.tabs.map((tab) => [tab.focus, layout(tab.root).panes]),
      )
      expect(focusedPane(back)?.uid).toBe(focusedPane(workspace)?.uid)
    }
  })
})

function fail(): never {
  throw new Error('there is none')
}

// The rule set that holds, and what somebody has changed in it here and not saved. The draft outlives a reload.

import { useSyncExternalStore } from 'react'
import { Problem } from '../api/client.ts'
import { meStore } from '../api/me.ts'
import { type Control, type Current, getRules, getVersion, putRules, type RuleSet } from '../api/rules.ts'
import { diffSets } from './diff.ts'
import { mergeSets } from './set.ts'

export interface RulesState {
  current: Current | null
  /** Null: nothing is changed. */
  draft: RuleSet | null
  control: Control | null
  /** The version that the draft was begun with. */
  base: number
  problem: Problem | null
}

const KEY = 'bastide.rules'

type Kept = Pick<RulesState, 'draft' | 'control' | 'base'>

/** Who is here: what one has not saved is nobody else's. */
function whose(): number | null {
  const who = meStore.get()
  return who.state === 'in' ? who.me.user.id : null
}

function stored(): Kept | null {
  try {
    const said = JSON.parse(sessionStorage.getItem(KEY) ?? 'null')
    const draft = said?.draft === null || said?.draft?.version === 1
    if (!draft || typeof said.base !== 'number' || said.user !== whose()) return null
    return { draft: said.draft, control: said.control ?? null, base: said.base }
  } catch {
    return null
  }
}

function store(kept: Kept | null): void {
  try {
    if (kept) sessionStorage.setItem(KEY, JSON.stringify({ ...kept, user: whose() }))
    else sessionStorage.removeItem(KEY)
  } catch {
    // Forbidden or full: then a reload forgets it.
  }
}

const EMPTY: RulesState = { current: null, problem: null, draft: null, control: null, base: 0 }

class RulesStore {
  private state = EMPTY
  private user: number | null = null
  private readonly listeners = new Set<() => void>()

  readonly get = (): RulesState => this.state

  readonly subscribe = (changed: () => void): (() => void) => {
    this.listeners.add(changed)
    return () => {
      this.listeners.delete(changed)
    }
  }

  /** Asks the server (again); the draft stays. */
  readonly load = async (): Promise<void> => {
    if (this.user !== whose()) {
      this.user = whose()
      this.state = { ...EMPTY, ...stored() }
    }
    try {
      const current = await getRules()
      this.set({ ...this.state, current, problem: null })
    } catch (error) {
      if (!(error instanceof Problem)) throw error
      this.set({ ...this.state, problem: error })
    }
  }

  /** What holds now with the change that `make` makes. */
  readonly change = (make: (set: RuleSet) => RuleSet): void => {
    const { current, draft } = this.state
    if (!current) return
    const next = make(draft ?? current.rules)
    const same = diffSets(current.rules, next).length === 0
    this.begin({ draft: same ? null : next })
  }

  /** Which shells the kernel judges. */
  readonly changeControl = (control: Control): void => {
    const same = JSON.stringify(control) === JSON.stringify(this.state.current?.control)
    this.begin({ control: same ? null : control })
  }

  private begin(part: Partial<Kept>): void {
    const { draft, control, base, current } = this.state
    this.set({ ...this.state, base: draft || control ? base : (current?.version ?? 0), ...part })
  }

  readonly discard = (): void => this.set({ ...this.state, draft: null, control: null })

  /** Puts what was changed here on top of what others have saved meanwhile. Throws a Problem. */
  readonly rebase = async (): Promise<void> => {
    const [base, current] = await Promise.all([getVersion(this.state.base), getRules()])
    const { draft } = this.state
    const merged = draft && mergeSets(base.rules, draft, current.rules)
    const changed = merged && diffSets(current.rules, merged).length > 0
    this.set({ ...this.state, current, draft: changed ? merged : null, base: current.version })
  }

  /** Throws a Problem: 412 when somebody else was quicker. */
  readonly save = async (note: string): Promise<void> => {
    const { draft, control, base, current } = this.state
    if (!current) return
    const saved = await putRules(draft ?? current.rules, control ?? current.control, base, note)
    const now = { ...current, ...saved }
    this.set({ current: now, draft: null, control: null, base: now.version, problem: null })
  }

  private set(state: RulesState): void {
    this.state = state
    const { draft, control, base } = state
    store(draft || control ? { draft, control, base } : null)
    for (const changed of this.listeners) changed()
  }
}

export const rulesStore = new RulesStore()

export function useRules(): RulesState {
  return useSyncExternalStore(rulesStore.subscribe, rulesStore.get)
}

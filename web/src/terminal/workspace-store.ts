// The tabs of this window, kept over a reload. Another window has others: the storage is the window's own.

import { useSyncExternalStore } from 'react'
import { type Change, change, readWorkspace, type Workspace } from './workspace.ts'

const KEY = 'bastide.workspace'

class WorkspaceStore {
  private workspace = readWorkspace(stored())
  private readonly listeners = new Set<() => void>()

  readonly get = (): Workspace => this.workspace

  readonly subscribe = (changed: () => void): (() => void) => {
    this.listeners.add(changed)
    return () => {
      this.listeners.delete(changed)
    }
  }

  readonly apply = (what: Change): void => {
    const next = change(this.workspace, what)
    if (next === this.workspace) return
    this.workspace = next
    try {
      sessionStorage.setItem(KEY, JSON.stringify(next))
    } catch {
      // Forbidden or full: then the tabs last as long as the page.
    }
    for (const changed of this.listeners) changed()
  }
}

function stored(): string | null {
  try {
    return sessionStorage.getItem(KEY)
  } catch {
    return null
  }
}

export const workspaceStore = new WorkspaceStore()

export function useWorkspace(): Workspace {
  return useSyncExternalStore(workspaceStore.subscribe, workspaceStore.get)
}

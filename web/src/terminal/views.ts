// The terminals that are on the page now, by session.

import { FRESH, View, type ViewOptions, type ViewState } from './view.ts'

export class Views {
  private readonly views = new Map<string, View>()
  private readonly listeners = new Set<() => void>()

  readonly subscribe = (changed: () => void): (() => void) => {
    this.listeners.add(changed)
    return () => {
      this.listeners.delete(changed)
    }
  }

  open(options: Omit<ViewOptions, 'changed'>): View {
    const view = new View({ ...options, changed: this.changed })
    this.views.set(options.uid, view)
    this.changed()
    return view
  }

  close(view: View): void {
    view.dispose()
    if (this.views.get(view.uid) === view) this.views.delete(view.uid)
    this.changed()
  }

  get(uid: string | undefined): View | undefined {
    return uid === undefined ? undefined : this.views.get(uid)
  }

  /** The same object until something of it changes. */
  state(uid: string | undefined): ViewState {
    return this.get(uid)?.state ?? FRESH
  }

  all(): View[] {
    return [...this.views.values()]
  }

  private readonly changed = (): void => {
    for (const listener of this.listeners) listener()
  }
}

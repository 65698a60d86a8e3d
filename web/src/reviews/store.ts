// Commands that wait now, for the whole page: asked once, then kept up to date by what is pushed.

import { useSyncExternalStore } from 'react'
import { Problem } from '../api/client.ts'
import { liveStore } from '../api/live.ts'
import { meStore } from '../api/me.ts'
import { listReviews, MAY, type Review, type ReviewEvent } from '../api/rules.ts'

const byAge = (a: Review, b: Review) => a.opened.localeCompare(b.opened)

interface AllReviews {
  type: string
  reviews: readonly Review[]
}

/** The list after an event; null when it has to be asked for. The oldest comes first: it waits longest. */
export function afterEvent(list: readonly Review[], event: ReviewEvent): Review[] | null {
  const { review } = event
  if (!review) return null
  const rest = list.filter(({ id }) => id !== review.id)
  if (review.state !== 'open') return rest
  return [...rest, review].sort(byAge)
}

const NONE: readonly Review[] = []

class ReviewStore {
  private reviews = NONE
  private readonly listeners = new Set<() => void>()
  private stop = () => {}
  private asked = 0

  readonly get = (): readonly Review[] => this.reviews

  readonly subscribe = (changed: () => void): (() => void) => {
    this.listeners.add(changed)
    if (this.listeners.size === 1) this.start()
    return () => {
      this.listeners.delete(changed)
      if (this.listeners.size === 0) this.stop()
    }
  }

  private start(): void {
    // Everything is said anew after a gap, so it is asked for anew as well.
    const hearing = liveStore.onMessage((message) => {
      if (message.type === 'reviews') this.take((message as AllReviews).reviews)
      else if (message.type === 'sessions') void this.load()
      else if (message.type === 'review_opened' || message.type === 'review_closed') {
        const next = afterEvent(this.reviews, message as ReviewEvent)
        if (next) this.set(next)
        else void this.load()
      }
    })
    const who = meStore.subscribe(() => void this.load())
    this.stop = () => {
      hearing()
      who()
    }
    void this.load()
  }

  private async load(): Promise<void> {
    const who = meStore.get()
    this.asked += 1
    const mine = this.asked
    if (who.state !== 'in' || !who.me.rights.includes(MAY.reviews)) {
      if (this.reviews.length > 0) this.set(NONE)
      return
    }
    try {
      const reviews = await listReviews('open')
      if (mine === this.asked) this.take(reviews)
    } catch (error) {
      // What was known stays; the next event or connection asks again.
      if (!(error instanceof Problem)) throw error
    }
  }

  /** Everything that waits: forget what was known, and what was asked. */
  private take(reviews: readonly Review[]): void {
    this.asked += 1
    this.set([...reviews].sort(byAge))
  }

  /** One was decided here: it need not wait for the event. */
  readonly decided = (review: Review): void => {
    const next = afterEvent(this.reviews, { type: 'review_closed', review })
    if (next) this.set(next)
  }

  private set(reviews: readonly Review[]): void {
    this.reviews = reviews
    for (const changed of this.listeners) changed()
  }
}

export const reviewStore = new ReviewStore()

export function useReviews(): readonly Review[] {
  return useSyncExternalStore(reviewStore.subscribe, reviewStore.get)
}

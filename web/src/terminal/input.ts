// What was typed and is not yet known to have been taken.
//
// Pieces are numbered from 1 without gaps. A piece is kept until the server says it was taken; after
// a reconnect the server says which was the last, and the rest is sent again. When it does not know,
// nothing is sent again: half of a command could do harm.

import { MAX_IN_FLIGHT, MAX_PIECE } from './frames.ts'

/** Typed or pasted bytes that may wait; a paste beyond it is refused as a whole. */
export const MAX_WAITING = 16 * 1024 * 1024

interface Piece {
  number: number
  data: Uint8Array
  sent: boolean
  /** Called off while under way: not to be sent again if it comes back. */
  cancelled: boolean
}

export class InputQueue {
  private pieces: Piece[] = []
  private next = 1
  /** Nothing has ever been sent: whatever the server knows of this page, it has taken nothing. */
  fresh = true

  /** Bytes not yet known to have been taken. */
  get waiting(): number {
    return this.pieces.reduce((sum, piece) => sum + (piece.cancelled ? 0 : piece.data.length), 0)
  }

  /** False when it would be too much; then nothing of it was added. */
  add(data: Uint8Array): boolean {
    if (this.waiting + data.length > MAX_WAITING) return false
    let rest = data
    const last = this.pieces.at(-1)
    // While the window is full, what is typed gathers in one piece.
    if (last && !last.sent && last.data.length + rest.length <= MAX_PIECE) {
      const joined = new Uint8Array(last.data.length + rest.length)
      joined.set(last.data)
      joined.set(rest, last.data.length)
      last.data = joined
      return true
    }
    while (rest.length > 0) {
      this.pieces.push({
        number: this.next,
        data: rest.subarray(0, MAX_PIECE),
        sent: false,
        cancelled: false,
      })
      this.next += 1
      rest = rest.subarray(MAX_PIECE)
    }
    return true
  }

  /** The pieces to send now; they count as sent. */
  take(): { number: number; data: Uint8Array }[] {
    const now = this.pieces.slice(0, MAX_IN_FLIGHT).filter((piece) => !piece.sent)
    for (const piece of now) piece.sent = true
    if (now.length > 0) this.fresh = false
    return now.map(({ number, data }) => ({ number, data }))
  }

  taken(number: number): void {
    this.pieces = this.pieces.filter((piece) => piece.number > number)
  }

  /** `number` and all after it were not taken; they are to be sent again. */
  refused(number: number): void {
    const before = this.pieces.filter((piece) => piece.number < number)
    this.pieces = [...before, ...this.pieces.filter((piece) => piece.number >= number && !piece.cancelled)]
    this.renumber(before.length, number)
  }

  /** Drops what has not been sent. What is under way the server drops, or it comes back. */
  cancel(): void {
    const unsent = this.pieces.find((piece) => !piece.sent)
    if (unsent) this.next = unsent.number
    this.pieces = this.pieces.filter((piece) => piece.sent)
    for (const piece of this.pieces) piece.cancelled = true
  }

  /**
   * A connection begins: `last` is the last piece the server took, null when it does not know.
   * Returns how many bytes may or may not have arrived; those are dropped.
   */
  resume(last: number | null): number {
    if (last !== null) this.taken(last)
    this.pieces = this.pieces.filter((piece) => !piece.cancelled)
    let doubtful = 0
    if (last === null && this.pieces.some((piece) => piece.sent)) {
      doubtful = this.waiting
      this.pieces = []
    }
    this.renumber(0, (last ?? 0) + 1)
    return doubtful
  }

  /** Drops everything: nothing can be typed here any more. */
  clear(): void {
    this.pieces = []
  }

  /** `number` and all after it are not wanted; what is typed next stands under that number. */
  drop(number: number): void {
    this.pieces = this.pieces.filter((piece) => piece.number < number)
    this.next = number
  }

  private renumber(index: number, from: number): void {
    this.next = from
    for (const piece of this.pieces.slice(index)) {
      piece.sent = false
      piece.number = this.next
      this.next += 1
    }
  }
}

import { describe, expect, it } from 'vitest'
import { MAX_IN_FLIGHT, MAX_PIECE } from './frames.ts'
import { InputQueue, MAX_WAITING } from './input.ts'

const text = (value: string) => new TextEncoder().encode(value)
const numbers = (queue: InputQueue) => queue.take().map((piece) => piece.number)
const words = (queue: InputQueue) => queue.take().map((piece) => new TextDecoder().decode(piece.data))

describe('the queue of what was typed', () => {
  it('numbers pieces from 1 and sends each once', () => {
    const queue = new InputQueue()
    queue.add(text('a'))
    expect(numbers(queue)).toEqual([1])
    queue.add(text('b'))
    expect(numbers(queue)).toEqual([2])
    expect(numbers(queue)).toEqual([])
  })

  it('cuts a paste into pieces and keeps the window', () => {
    const queue = new InputQueue()
    queue.add(new Uint8Array(MAX_PIECE * (MAX_IN_FLIGHT + 2) + 1))
    expect(numbers(queue)).toHaveLength(MAX_IN_FLIGHT)
    queue.taken(3)
    expect(numbers(queue)).toEqual([MAX_IN_FLIGHT + 1, MAX_IN_FLIGHT + 2, MAX_IN_FLIGHT + 3])
    expect(queue.waiting).toBe(MAX_PIECE * (MAX_IN_FLIGHT - 1) + 1)
  })

  it('gathers what is typed while the window is full', () => {
    const queue = new InputQueue()
    for (let i = 0; i < MAX_IN_FLIGHT; i++) {
      queue.add(text('x'))
      queue.take()
    }
    queue.add(text('a'))
    queue.add(text('b'))
    queue.taken(1)
    expect(words(queue)).toEqual(['ab'])
  })

  it('refuses what would be too much as a whole', () => {
    const queue = new InputQueue()
    expect(queue.add(new Uint8Array(MAX_WAITING))).toBe(true)
    expect(queue.add(text('a'))).toBe(false)
    expect(queue.waiting).toBe(MAX_WAITING)
  })

  it('sends again what was refused, in order', () => {
    const queue = new InputQueue()
    for (const one of ['a', 'b', 'c']) {
      queue.add(text(one))
      queue.take()
    }
    queue.taken(1)
    queue.refused(2)
    expect(words(queue)).toEqual(['b', 'c'])
  })

  it('after a reconnect sends only what the server has not taken', () => {
    const queue = new InputQueue()
    for (const one of ['a', 'b', 'c']) {
      queue.add(text(one))
      queue.take()
    }
    queue.add(text('d'))
    expect(queue.resume(2)).toBe(0)
    expect(queue.take()).toEqual([
      { number: 3, data: text('c') },
      { number: 4, data: text('d') },
    ])
  })

  it('sends nothing again when the server does not know, and says how much is in doubt', () => {
    const queue = new InputQueue()
    queue.add(text('rm -r '))
    queue.take()
    queue.add(text('/tmp/x'))
    expect(queue.resume(null)).toBe(12)
    expect(queue.take()).toEqual([])
    queue.add(text('a'))
    expect(numbers(queue)).toEqual([1])
  })

  it('still sends what was typed while there was no connection', () => {
    const queue = new InputQueue()
    queue.add(text('a'))
    queue.take()
    queue.taken(1)
    queue.add(text('b'))
    expect(queue.resume(null)).toBe(0)
    expect(queue.take()).toEqual([{ number: 1, data: text('b') }])
  })

  it('after a cancel neither unsent nor returning pieces are sent, later ones are', () => {
    const queue = new InputQueue()
    queue.add(new Uint8Array(MAX_PIECE * (MAX_IN_FLIGHT + 3)))
    queue.take()
    queue.cancel()
    expect(queue.waiting).toBe(0)
    queue.add(text('\x03'))
    queue.taken(2)
    queue.refused(3)
    expect(queue.take()).toEqual([{ number: 3, data: text('\x03') }])
  })

  it('a cancel survives a reconnect', () => {
    const queue = new InputQueue()
    queue.add(text('a'))
    queue.take()
    queue.cancel()
    queue.add(text('b'))
    expect(queue.resume(0)).toBe(0)
    expect(queue.take()).toEqual([{ number: 1, data: text('b') }])
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

type Answer = { kind: 'ok' | 'refused'; number: number }

/** The server's side of the numbers: what was taken, in order, and what is on its way. */
class ModelServer {
  taken = ''
  last = 0
  down: Answer[] = []
  private up: { number: number; data: Uint8Array }[] = []

  receive(pieces: { number: number; data: Uint8Array }[]) {
    this.up.push(...pieces)
  }

  step(refuse: boolean) {
    const piece = this.up.shift()
    if (!piece) return
    const expected = this.last + 1
    if (piece.number < expected) this.down.push({ kind: 'ok', number: piece.number })
    if (piece.number !== expected) return
    if (refuse) {
      this.down.push({ kind: 'refused', number: piece.number })
      return
    }
    this.last = piece.number
    this.taken += new TextDecoder().decode(piece.data)
    this.down.push({ kind: 'ok', number: piece.number })
  }

  /** What was on its way, either way, is gone. */
  broken() {
    this.up = []
    this.down = []
  }
}

describe('whatever the network and the program do', () => {
  it('every byte arrives once and in order', () => {
    for (let seed = 1; seed <= 400; seed++) {
      const random = randomness(seed)
      const queue = new InputQueue()
      const server = new ModelServer()
      let typed = ''
      const answer = () => {
        const message = server.down.shift()
        if (message?.kind === 'ok') queue.taken(message.number)
        if (message?.kind === 'refused') queue.refused(message.number)
        server.receive(queue.take())
      }
      for (let step = 0; step < 200; step++) {
        const dice = random()
        if (dice < 0.35) {
          const piece = `${step},`
          typed += piece
          queue.add(text(piece))
          server.receive(queue.take())
        } else if (dice < 0.65) server.step(random() < 0.2)
        else if (dice < 0.95) answer()
        else {
          server.broken()
          queue.resume(server.last)
          server.receive(queue.take())
        }
      }
      for (let rest = 0; rest < 2_000 && queue.waiting > 0; rest++) {
        server.step(false)
        answer()
      }
      expect(queue.waiting, `seed ${seed}`).toBe(0)
      expect(server.taken, `seed ${seed}`).toBe(typed)
    }
  })
})

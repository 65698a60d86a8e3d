import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { readFrame, writeInput } from './frames.ts'

const crates = join(import.meta.dirname, '../../../crates')

/** A file of the server's own tests. */
function fromServer(path: string) {
  return new Uint8Array(readFileSync(join(crates, path)))
}

const bytes = (...values: number[]) => new Uint8Array(values).buffer

describe('frames', () => {
  it('reads output with its position', () => {
    const frame = readFrame(bytes(1, 0, 0, 0, 1, 0, 0, 0, 2, 104, 105))
    expect(frame).toEqual({ kind: 'output', pos: 2 ** 32 + 2, data: new Uint8Array([104, 105]) })
  })

  it('reads a snapshot with its size', () => {
    const frame = readFrame(bytes(2, 0, 0, 0, 0, 0, 0, 0, 9, 0, 80, 1, 0, 27))
    expect(frame).toEqual({ kind: 'snapshot', pos: 9, cols: 80, rows: 256, restore: new Uint8Array([27]) })
  })

  it('reads a part of a snapshot', () => {
    expect(readFrame(bytes(4, 27, 91))).toEqual({ kind: 'part', restore: new Uint8Array([27, 91]) })
  })

  it('leaves alone what it does not know or what is cut short', () => {
    expect(readFrame(bytes())).toBeNull()
    expect(readFrame(bytes(1, 0, 0))).toBeNull()
    expect(readFrame(bytes(2, 0, 0, 0, 0, 0, 0, 0, 9, 0, 80))).toBeNull()
    expect(readFrame(bytes(9, 0, 0, 0, 0, 0, 0, 0, 0))).toBeNull()
  })

  it('writes the number of an input piece before its bytes', () => {
    expect(writeInput(258, new Uint8Array([97]))).toEqual(new Uint8Array([3, 0, 0, 1, 2, 97]))
  })

  it('unpacks what the server packed', () => {
    const screen = fromServer('vt/tests/streams/vim.80x24.vt')
    expect(readFrame(fromServer('wire/tests/packed/vim.output').buffer)).toEqual({
      kind: 'output',
      pos: 70_000_000_000,
      data: screen,
    })
    expect(readFrame(fromServer('wire/tests/packed/vim.snapshot').buffer)).toEqual({
      kind: 'snapshot',
      pos: 9,
      cols: 80,
      rows: 24,
      restore: screen,
    })
  })

  it('throws at what is damaged or says that it is longer than anything the server packs', () => {
    const whole = fromServer('wire/tests/packed/vim.output')
    for (const end of [9, 12, 13, 20, whole.length - 1]) {
      expect(() => readFrame(whole.slice(0, end).buffer), `${end} bytes`).toThrow()
    }
    const bomb = whole.slice()
    new DataView(bomb.buffer).setUint32(9, 2 ** 31)
    expect(() => readFrame(bomb.buffer)).toThrow('2147483648 bytes')
    const short = whole.slice()
    new DataView(short.buffer).setUint32(9, 1000)
    expect(() => readFrame(short.buffer), 'more comes out than it says').toThrow()
  })
})

import { describe, expect, it } from 'vitest'
import { readFrame, writeInput } from './frames.ts'

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

  it('leaves alone what it does not know or what is cut short', () => {
    expect(readFrame(bytes())).toBeNull()
    expect(readFrame(bytes(1, 0, 0))).toBeNull()
    expect(readFrame(bytes(2, 0, 0, 0, 0, 0, 0, 0, 9, 0, 80))).toBeNull()
    expect(readFrame(bytes(9, 0, 0, 0, 0, 0, 0, 0, 0))).toBeNull()
  })

  it('writes the number of an input piece before its bytes', () => {
    expect(writeInput(258, new Uint8Array([97]))).toEqual(new Uint8Array([3, 0, 0, 1, 2, 97]))
  })
})

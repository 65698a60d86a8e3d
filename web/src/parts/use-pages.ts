import { useCallback, useEffect, useRef, useState } from 'react'
import { Problem } from '../api/client.ts'
import type { Page } from '../api/types.ts'

export interface Pages<T> {
  rows: T[] | null
  problem: Problem | null
  /** Whether there are more than those that are here. */
  rest: boolean
  more: () => void
  reload: () => void
}

/** A list page by page, as far as somebody scrolls. Keep `load` with `useCallback`: another one begins anew. */
export function usePages<T>(load: (cursor: string | null) => Promise<Page<T>>): Pages<T> {
  const [rows, setRows] = useState<T[] | null>(null)
  const [problem, setProblem] = useState<Problem | null>(null)
  const [rest, setRest] = useState(false)
  const next = useRef<string | null>(null)
  const asking = useRef(0)
  const ask = useCallback(
    (cursor: string | null) => {
      asking.current += 1
      const mine = asking.current
      next.current = null
      setProblem(null)
      load(cursor).then(
        (page) => {
          if (mine !== asking.current) return
          next.current = page.next
          setRest(page.next !== null)
          setRows((before) => (cursor && before ? [...before, ...page.items] : page.items))
        },
        (error: unknown) => {
          if (!(error instanceof Problem)) throw error
          if (mine === asking.current) setProblem(error)
        },
      )
    },
    [load],
  )
  useEffect(() => {
    ask(null)
    return () => {
      asking.current += 1
    }
  }, [ask])
  const more = useCallback(() => {
    if (next.current) ask(next.current)
  }, [ask])
  return { rows, problem, rest, more, reload: useCallback(() => ask(null), [ask]) }
}

/** The value once it has not changed for so long. */
export function useLater(value: string, milliseconds: number): string {
  const [later, setLater] = useState(value)
  useEffect(() => {
    const timer = setTimeout(() => setLater(value), milliseconds)
    return () => clearTimeout(timer)
  }, [value, milliseconds])
  return later
}

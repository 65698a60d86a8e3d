import { useCallback, useEffect, useRef, useState } from 'react'
import { Problem } from '../api/client.ts'

export interface Loaded<T> {
  /** The last answer; it stays while another is on its way. */
  data: T | null
  problem: Problem | null
  loading: boolean
  reload: () => void
}

/** What `load` gives, asked once and whenever `load` is another function: keep it with `useCallback`. */
export function useLoad<T>(load: () => Promise<T>): Loaded<T> {
  const [state, setState] = useState<Omit<Loaded<T>, 'reload'>>({ data: null, problem: null, loading: true })
  const asked = useRef(0)
  const reload = useCallback(() => {
    asked.current += 1
    const mine = asked.current
    setState((before) => ({ ...before, loading: true }))
    load().then(
      (data) => {
        if (mine === asked.current) setState({ data, problem: null, loading: false })
      },
      (error: unknown) => {
        if (!(error instanceof Problem)) throw error
        if (mine === asked.current) setState((before) => ({ ...before, problem: error, loading: false }))
      },
    )
  }, [load])
  useEffect(() => {
    reload()
    return () => {
      asked.current += 1
    }
  }, [reload])
  return { ...state, reload }
}

/** Asks again when somebody comes back to this page: what was shown may be long ago. */
export function useReturn(reload: () => void): void {
  useEffect(() => {
    const seen = () => {
      if (document.visibilityState === 'visible') reload()
    }
    window.addEventListener('focus', seen)
    document.addEventListener('visibilitychange', seen)
    return () => {
      window.removeEventListener('focus', seen)
      document.removeEventListener('visibilitychange', seen)
    }
  }, [reload])
}

/** Runs one request at a time, and keeps what went wrong until the next. */
export function useAction(): {
  busy: boolean
  problem: Problem | null
  run: (action: () => Promise<void>) => void
  clear: () => void
} {
  const [busy, setBusy] = useState(false)
  const [problem, setProblem] = useState<Problem | null>(null)
  const running = useRef(false)
  const run = useCallback((action: () => Promise<void>) => {
    if (running.current) return
    running.current = true
    setBusy(true)
    setProblem(null)
    action()
      .catch((error: unknown) => {
        if (!(error instanceof Problem)) throw error
        setProblem(error)
      })
      .finally(() => {
        running.current = false
        setBusy(false)
      })
  }, [])
  const clear = useCallback(() => setProblem(null), [])
  return { busy, problem, run, clear }
}

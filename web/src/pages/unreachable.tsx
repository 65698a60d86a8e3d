import { Button } from 'antd'
import { useEffect } from 'react'
import { useTranslation } from 'react-i18next'
import type { Problem } from '../api/client.ts'
import { meStore } from '../api/me.ts'
import { useProblemWords } from '../parts/notice.tsx'

/** A server that starts again is back within seconds. */
const AGAIN = 3_000

/** The server does not answer and nothing is known yet: it is starting, stopping, or not there. */
export function Unreachable({ problem }: { problem: Problem }) {
  const { t } = useTranslation()
  const words = useProblemWords()
  useEffect(() => {
    const retry = () => void meStore.load()
    // Each failure gives another problem, so this runs once per try.
    const timer = setTimeout(retry, problem ? AGAIN : 0)
    window.addEventListener('online', retry)
    return () => {
      clearTimeout(timer)
      window.removeEventListener('online', retry)
    }
  }, [problem])
  return (
    <main className="centre">
      <section className="card" role="status">
        <title>{`${t('who.unreachable')} · Bastide`}</title>
        <img src="/icon.svg" width="36" height="36" alt="" />
        <h1>{t('who.unreachable')}</h1>
        <p className="soft">{t('who.unreachable.lead')}</p>
        {problem.status > 0 && <p className="soft">{words(problem)}</p>}
        <Button onClick={() => void meStore.load()}>{t('error.retry')}</Button>
      </section>
    </main>
  )
}

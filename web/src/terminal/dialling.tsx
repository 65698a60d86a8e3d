import { useEffect, useState } from 'react'
import { useTranslation } from 'react-i18next'
import type { Session } from '../api/types.ts'
import { useDesk, useViewState } from './desk.ts'

/** Quicker ones are not worth a word. */
const SHOWN_AFTER = 250

/** While the shell on a server is being reached: the step, since when, and a way out. */
export function Dialling({ uid, session }: { uid: string; session: Session | undefined }) {
  const { prompts, phase } = useViewState(uid)
  const over = phase.kind === 'ended' || phase.kind === 'closed'
  if (session?.state !== 'connecting' || over || prompts.length > 0) return null
  return <Step uid={uid} session={session} />
}

function Step({ uid, session }: { uid: string; session: Session }) {
  const { t } = useTranslation()
  const desk = useDesk()
  const { dialling } = useViewState(uid)
  const [seconds, setSeconds] = useState(-1)
  useEffect(() => {
    const began = performance.now()
    const shown = setTimeout(() => setSeconds(0), SHOWN_AFTER)
    const timer = setInterval(() => setSeconds(Math.floor((performance.now() - began) / 1000)), 1000)
    return () => {
      clearTimeout(shown)
      clearInterval(timer)
    }
  }, [])
  if (seconds < 0) return null
  return (
    <div className="dialling" role="status">
      <span className="dialling-words">
        <strong>{t('dial.connecting', { name: session.server?.name ?? '' })}</strong>
        {dialling && <span className="soft">{dialling}</span>}
      </span>
      <span className="soft number" aria-hidden="true">
        {t('dial.seconds', { seconds })}
      </span>
      <button type="button" className="quiet" onClick={() => void desk.end(uid)}>
        {t('form.cancel')}
      </button>
    </div>
  )
}

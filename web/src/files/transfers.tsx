import { useTranslation } from 'react-i18next'
import { Bytes } from '../parts/bytes.tsx'
import { useProblemWords } from '../parts/notice.tsx'
import { Dot, type Tone } from '../parts/state.tsx'
import {
  forgetDone,
  fraction,
  giveUp,
  pause,
  resume,
  type Sending,
  type State,
  useUploads,
} from './uploads.ts'

const TONES: Record<State, Tone> = {
  waiting: 'done',
  sending: 'good',
  retrying: 'wait',
  paused: 'done',
  exists: 'wait',
  failed: 'bad',
  done: 'good',
}

/** Files on their way to a server. */
export function Transfers({ server }: { server: number }) {
  const { t } = useTranslation()
  const all = useUploads(server)
  if (all.length === 0) return null
  return (
    <section className="transfers" aria-labelledby="transfers">
      <header className="part-head">
        <h2 id="transfers">{t('files.transfers')}</h2>
        <span className="gap" />
        {all.some(({ state }) => state === 'done') && (
          <button type="button" className="quiet" onClick={() => forgetDone(server)}>
            {t('files.transfers.forget')}
          </button>
        )}
      </header>
      <ul className="cards">
        {all.map((one) => (
          <li key={one.key} data-upload={one.name} data-state={one.state}>
            <Transfer sending={one} />
          </li>
        ))}
      </ul>
    </section>
  )
}

function Transfer({ sending }: { sending: Sending }) {
  const { t } = useTranslation()
  const words = useProblemWords()
  const { key, name, size, sent, state, problem, directory } = sending
  const percent = Math.floor(fraction(sending) * 100)
  const runs = state === 'sending' || state === 'retrying' || state === 'waiting'
  return (
    <>
      <div className="transfer">
        <div>
          <strong>{name}</strong>{' '}
          <span className="soft">
            → <code>{directory}</code>
          </span>
        </div>
        {state !== 'done' && (
          <progress aria-label={t('files.transfer.progress', { name })} max={100} value={percent}>
            {percent}
          </progress>
        )}
        <p className="soft">
          <Dot tone={TONES[state]}>{t(`files.transfer.${state}`)}</Dot> ·{' '}
          {state !== 'done' && (
            <>
              <Bytes bytes={sent} /> /{' '}
            </>
          )}
          <Bytes bytes={size} />
        </p>
        {problem && state !== 'done' && <p className="field-error">{words(problem)}</p>}
      </div>
      <div className="transfer-actions">
        {runs && (
          <button
            type="button"
            className="quiet"
            onClick={() => pause(key)}
            aria-label={t('files.transfer.pause.what', { name })}
          >
            {t('files.transfer.pause')}
          </button>
        )}
        {(state === 'paused' || state === 'failed') && (
          <button
            type="button"
            className="quiet"
            onClick={() => resume(key)}
            aria-label={t('files.transfer.resume.what', { name })}
          >
            {t('files.transfer.resume')}
          </button>
        )}
        {state === 'exists' && (
          <button
            type="button"
            className="quiet"
            onClick={() => resume(key, true)}
            aria-label={t('files.transfer.replace.what', { name })}
          >
            {t('files.transfer.replace')}
          </button>
        )}
        {state !== 'done' && (
          <button
            type="button"
            className="quiet danger"
            onClick={() => giveUp(key)}
            aria-label={t('files.transfer.cancel.what', { name })}
          >
            {t('form.cancel')}
          </button>
        )}
      </div>
    </>
  )
}

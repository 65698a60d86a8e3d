import { useMemo } from 'react'
import { useTranslation } from 'react-i18next'
import { Bytes } from '../parts/bytes.tsx'
import { useProblemWords } from '../parts/notice.tsx'
import { Dot, type Tone } from '../parts/state.tsx'
import { type Group, grouped, groupFraction } from './groups.ts'
import { join } from './names.ts'
import {
  forgetDone,
  fraction,
  giveUp,
  leaveThere,
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

/** So many are shown at a time; nobody reads more. */
const SHOWN = 50
/** Of what failed in a folder. */
const FAILED = 5

/** Files and folders on their way to a server. */
export function Transfers({ server }: { server: number }) {
  const { t } = useTranslation()
  const all = useUploads(server)
  const groups = useMemo(() => grouped(all), [all])
  if (all.length === 0) return null
  // What is over makes room for what is not.
  const order = [
    ...groups.filter(({ state }) => state !== 'done'),
    ...groups.filter(({ state }) => state === 'done'),
  ]
  const shown = groups.length > SHOWN ? order.slice(0, SHOWN) : groups
  return (
    <section className="transfers" aria-labelledby="transfers">
      <header className="part-head">
        <h2 id="transfers">{t('files.transfers')}</h2>
        <span className="gap" />
        {groups.some(({ state }) => state === 'done') && (
          <button type="button" className="quiet" onClick={() => forgetDone(server)}>
            {t('files.transfers.forget')}
          </button>
        )}
      </header>
      <ul className="cards">
        {shown.map((one) => (
          <li
            key={one.key}
            data-upload={one.name}
            data-kind={'files' in one ? 'directory' : 'file'}
            data-state={one.state}
          >
            <Transfer sending={one} />
          </li>
        ))}
      </ul>
      {groups.length > SHOWN && (
        <p className="soft">{t('files.transfers.more', { count: groups.length - SHOWN })}</p>
      )}
    </section>
  )
}

function Transfer({ sending }: { sending: Sending | Group }) {
  const { t } = useTranslation()
  const words = useProblemWords()
  const { key, name, size, sent, state, directory } = sending
  const group = 'files' in sending ? sending : null
  const problem = 'problem' in sending ? sending.problem : null
  const percent = Math.floor((group ? groupFraction(group) : fraction(sending)) * 100)
  const runs = state === 'sending' || state === 'retrying' || state === 'waiting'
  const mayGoOn = state === 'paused' || state === 'failed' || (group && !runs && group.failed.length > 0)
  return (
    <>
      <div className="transfer">
        <div className="transfer-name">
          <strong>{group ? `${name}/` : name}</strong>{' '}
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
          {group && (
            <>
              {' · '}
              {t('files.folder.done', { done: group.done, count: group.files })}
            </>
          )}
        </p>
        {group && group.exists > 0 && <p>{t('files.folder.exist', { count: group.exists })}</p>}
        {problem && state !== 'done' && <p className="field-error">{words(problem)}</p>}
        {group && <FailedIn group={group} />}
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
        {mayGoOn && (
          <button
            type="button"
            className="quiet"
            onClick={() => resume(key)}
            aria-label={t('files.transfer.resume.what', { name })}
          >
            {t('files.transfer.resume')}
          </button>
        )}
        {(state === 'exists' || (group && group.exists > 0)) && (
          <button
            type="button"
            className="quiet"
            onClick={() => resume(key, true)}
            aria-label={group ? undefined : t('files.transfer.replace.what', { name })}
          >
            {t(group ? 'files.folder.replace' : 'files.transfer.replace')}
          </button>
        )}
        {group && group.exists > 0 && (
          <button type="button" className="quiet" onClick={() => leaveThere(key)}>
            {t('files.folder.leave')}
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

/** What of a folder does not go on by itself, and why. */
function FailedIn({ group: { failed } }: { group: Group }) {
  const { t } = useTranslation()
  const words = useProblemWords()
  if (failed.length === 0) return null
  return (
    <ul className="field-error">
      {failed.slice(0, FAILED).map(({ key, directory, name, problem }) => (
        <li key={key}>
          <code>{join(directory, name)}</code> {problem && words(problem)}
        </li>
      ))}
      {failed.length > FAILED && <li>{t('files.transfers.more', { count: failed.length - FAILED })}</li>}
    </ul>
  )
}

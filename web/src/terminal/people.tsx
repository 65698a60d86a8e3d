import { type FormEvent, type ReactNode, useState } from 'react'
import { useTranslation } from 'react-i18next'
import {
  askForKeyboard,
  endSessionSoon,
  giveKeyboard,
  Problem,
  refuseKeyboard,
  showOut,
  stopSessionEnd,
  tellEverybody,
} from '../api/client.ts'
import type { Session } from '../api/types.ts'
import { Ago } from '../parts/ago.tsx'
import { Dialog } from '../parts/dialog.tsx'
import { useDesk, useViewState } from './desk.ts'
import type { ViewerInfo } from './frames.ts'
import { mayManage } from './rights.ts'

/** As many characters as the server takes. */
const MAX_TEXT = 500
/** Seconds until an end that is announced. */
const WAITS = [0, 10, 30, 60, 300] as const

/** Does something, and says beside it when that was refused. */
function useTrying() {
  const { t } = useTranslation()
  const [problem, setProblem] = useState('')
  const trying = async (what: () => Promise<unknown>): Promise<boolean> => {
    setProblem('')
    try {
      await what()
      return true
    } catch (error) {
      if (!(error instanceof Problem)) throw error
      setProblem(error.message || t('error.unreachable'))
      return false
    }
  }
  return { problem, trying }
}

function Refusal({ problem }: { problem: string }) {
  return problem ? (
    <p className="field-error" role="alert">
      {problem}
    </p>
  ) : null
}

/** Who is in a terminal, who may type, and what one may do about it. */
export function PeopleDialog({
  uid,
  session,
  name,
  close,
}: {
  uid: string
  session: Session | undefined
  name: string
  close: () => void
}) {
  const { t } = useTranslation()
  const { viewers, you, phase } = useViewState(uid)
  const { problem, trying } = useTrying()
  const manage = mayManage(session)
  const given = viewers.some((viewer) => viewer.keyboard)
  return (
    <Dialog title={t('people.title', { name })} close={close} wide>
      <p className="soft">{t(given ? 'people.lead.given' : 'people.lead')}</p>
      <ul className="people">
        {viewers.map((viewer, at) => (
          <Person
            key={viewer.id ?? `at ${at}`}
            uid={uid}
            viewer={viewer}
            own={viewer.id !== undefined && viewer.id === you}
            manage={manage}
            trying={trying}
          />
        ))}
      </ul>
      <Refusal problem={problem} />
      {phase.kind === 'live' && <Tell uid={uid} />}
      {phase.kind === 'live' && manage && <EndSoon uid={uid} close={close} />}
      <div className="dialog-actions">
        <button type="button" className="button" data-first onClick={close}>
          {t('people.done')}
        </button>
      </div>
    </Dialog>
  )
}

function Person({
  uid,
  viewer,
  own,
  manage,
  trying,
}: {
  uid: string
  viewer: ViewerInfo
  own: boolean
  manage: boolean
  trying: (what: () => Promise<unknown>) => Promise<boolean>
}) {
  const { t } = useTranslation()
  const { id, client, role, via, since, address, write, keyboard, asks } = viewer
  const name = client ?? t('terminal.viewer.unknown')
  const where = [role && t(`people.role.${role}`), via && t('people.via', { via }), address].filter(Boolean)
  const button = (words: string, what: () => Promise<unknown>, look = 'quiet') => (
    <button type="button" className={look} aria-label={`${words}: ${name}`} onClick={() => void trying(what)}>
      {words}
    </button>
  )
  return (
    <li data-viewer={client ?? ''}>
      <div>
        <strong>{name}</strong> {own && <span className="soft">{t('people.you')}</span>}{' '}
        <span className={write ? 'badge writes' : 'badge'}>
          {t(keyboard ? 'people.has' : write ? 'people.writes' : 'people.watches')}
        </span>{' '}
        {asks && <span className="badge asks">{t('people.asks')}</span>}
        <div className="soft">
          {where.join(' · ')}
          {where.length > 0 && since && ' · '}
          {since && <Ago at={since} />}
        </div>
      </div>
      {id !== undefined && (
        <div className="people-actions">
          {keyboard && (manage || own) && button(t('people.back'), () => giveKeyboard(uid, null))}
          {!keyboard &&
            manage &&
            !own &&
            viewer.user &&
            button(t('people.give'), () => giveKeyboard(uid, id))}
          {!own && manage && asks && button(t('people.refuse'), () => refuseKeyboard(uid, id))}
          {own && !write && !asks && button(t('people.ask'), () => askForKeyboard(uid, id))}
          {own && asks && button(t('people.ask.not'), () => refuseKeyboard(uid, id))}
          {!own && manage && button(t('people.out'), () => showOut(uid, id), 'quiet danger')}
        </div>
      )}
    </li>
  )
}

/** Some words to everybody in the terminal. */
function WordsForm({
  label,
  yes,
  danger,
  send,
  children,
}: {
  label: string
  yes: string
  /** It ends the terminal; words are not needed for it. */
  danger?: boolean
  /** Once it is done the words are gone. */
  send: (text: string) => Promise<unknown>
  children?: ReactNode
}) {
  const [text, setText] = useState('')
  const { problem, trying } = useTrying()
  const submit = (event: FormEvent) => {
    event.preventDefault()
    void trying(() => send(text)).then((done) => done && setText(''))
  }
  return (
    <form className="people-form" onSubmit={submit}>
      <label>
        <span>{label}</span>
        <input
          className="input"
          value={text}
          maxLength={MAX_TEXT}
          onChange={(event) => setText(event.target.value)}
        />
      </label>
      {children}
      <button
        type="submit"
        className={danger ? 'button danger' : 'button'}
        disabled={!danger && text.trim() === ''}
      >
        {yes}
      </button>
      <Refusal problem={problem} />
    </form>
  )
}

function Tell({ uid }: { uid: string }) {
  const { t } = useTranslation()
  return (
    <WordsForm
      label={t('people.tell')}
      yes={t('people.tell.send')}
      send={(text) => tellEverybody(uid, text)}
    />
  )
}

function EndSoon({ uid, close }: { uid: string; close: () => void }) {
  const { t } = useTranslation()
  const [after, setAfter] = useState<number>(10)
  const { problem, trying } = useTrying()
  const end = (text: string) => endSessionSoon(uid, text, after).then(close)
  return (
    <>
      <WordsForm label={t('people.end.notice')} yes={t('people.end')} danger send={end}>
        <label>
          <span>{t('people.end.after')}</span>
          <select className="input" value={after} onChange={(event) => setAfter(Number(event.target.value))}>
            {WAITS.map((seconds) => (
              <option key={seconds} value={seconds}>
                {t(seconds === 0 ? 'people.end.now' : 'people.end.seconds', { seconds })}
              </option>
            ))}
          </select>
        </label>
      </WordsForm>
      <button
        type="button"
        className="quiet"
        onClick={() => void trying(() => stopSessionEnd(uid)).then((done) => done && close())}
      >
        {t('people.end.stop')}
      </button>
      {problem && (
        <p className="field-error" role="alert">
          {problem}
        </p>
      )}
    </>
  )
}

/** What is said over the terminal as long as it is so: who asks for the keyboard, and who has it. */
export function KeyboardNotes({ uid, session }: { uid: string; session: Session | undefined }) {
  const { t } = useTranslation()
  const desk = useDesk()
  const { viewers, you, phase } = useViewState(uid)
  const { problem, trying } = useTrying()
  if (phase.kind !== 'live') return null
  const manage = session !== undefined && mayManage(session)
  const holder = viewers.find((viewer) => viewer.keyboard)
  const own = holder !== undefined && holder.id === you
  const asking = viewers.filter((viewer) => viewer.asks && viewer.id !== you && viewer.id !== undefined)
  const act = (what: () => Promise<unknown>) => void trying(what).then(() => desk.view?.focus())
  return (
    <>
      {holder && (
        <div className="note" data-keyboard={holder.client ?? ''}>
          <span>{own ? t('keyboard.yours') : t('keyboard.theirs', { name: holder.client ?? '?' })}</span>
          {(own || manage) && (
            <button type="button" className="quiet" onClick={() => act(() => giveKeyboard(uid, null))}>
              {t('people.back')}
            </button>
          )}
        </div>
      )}
      {manage &&
        asking.map((viewer) => (
          <div key={viewer.id} className="note waits" data-asks-keyboard={viewer.client ?? ''}>
            <span>{t('keyboard.asked', { name: viewer.client ?? '?' })}</span>
            <button
              type="button"
              className="quiet"
              onClick={() => act(() => giveKeyboard(uid, viewer.id ?? null))}
            >
              {t('keyboard.give')}
            </button>
            <button
              type="button"
              className="quiet"
              onClick={() => act(() => refuseKeyboard(uid, viewer.id ?? 0))}
            >
              {t('keyboard.refuse')}
            </button>
          </div>
        ))}
      {problem && (
        <div className="note error" role="alert">
          {problem}
        </div>
      )}
    </>
  )
}

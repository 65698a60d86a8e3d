import '../styles/rules.css'
import '../styles/servers.css'
import { Button } from 'antd'
import { useEffect, useState } from 'react'
import { useTranslation } from 'react-i18next'
import {
  type AccessRequest,
  approveRequest,
  askForAccess,
  cancelRequest,
  listRequests,
  type RequestState,
  refuseRequest,
} from '../api/access.ts'
import { liveStore } from '../api/live.ts'
import type { GrantRight } from '../api/servers.ts'
import { Ago } from '../parts/ago.tsx'
import { DialogForm } from '../parts/dialog-form.tsx'
import { Choice, Field } from '../parts/field.tsx'
import { ProblemNotice } from '../parts/notice.tsx'
import { Dot, type Tone } from '../parts/state.tsx'
import { Until } from '../parts/until.tsx'
import { useAction, useLoad } from '../parts/use-load.ts'
import { RightsField } from '../servers/grant-form.tsx'
import { RIGHTS, rightsWords } from '../servers/names.ts'
import { Sections } from '../servers/sections.tsx'

const HOUR = 3_600_000
const TERMS = { hour: HOUR, day: 24 * HOUR, week: 7 * 24 * HOUR, month: 30 * 24 * HOUR } as const
type Term = keyof typeof TERMS

/** Rights that are asked for: one's own requests, and those to decide on. */
export function RequestsPage() {
  const { t } = useTranslation()
  const { data, problem, reload } = useLoad(listRequests)
  const [asking, setAsking] = useState(false)
  useEffect(
    () =>
      liveStore.onMessage(({ type }) => {
        if (type === 'access_request') reload()
      }),
    [reload],
  )
  const close = () => {
    setAsking(false)
    reload()
  }
  const open = data?.filter(({ state }) => state === 'open') ?? []
  const closed = data?.filter(({ state }) => state !== 'open') ?? []
  return (
    <>
      <title>{`${t('nav.requests')} · Bastide`}</title>
      <header className="page-head">
        <h1>{t('nav.requests')}</h1>
        <Sections current="requests" />
        <span className="gap" />
        <Button type="primary" onClick={() => setAsking(true)}>
          {t('requests.ask')}
        </Button>
      </header>
      <ProblemNotice problem={problem} retry={reload} />
      <section aria-labelledby="requests-open" className="part">
        <h2 id="requests-open">{t('requests.open')}</h2>
        {data && open.length === 0 && <p className="soft">{t('requests.none')}</p>}
        <ul className="cards" aria-live="polite">
          {open.map((request) => (
            <li key={request.id} data-request={request.id}>
              <Waiting request={request} reload={reload} />
            </li>
          ))}
        </ul>
      </section>
      {closed.length > 0 && (
        <section aria-labelledby="requests-closed" className="part">
          <h2 id="requests-closed">{t('requests.closed')}</h2>
          <ul className="cards">
            {closed.map((request) => (
              <li key={request.id} data-request={request.id} data-state={request.state}>
                <About request={request} />
                <State state={request.state as RequestState} />
              </li>
            ))}
          </ul>
        </section>
      )}
      {asking && <AskForm close={close} />}
    </>
  )
}

const TONES: Record<RequestState, Tone> = {
  open: 'wait',
  approved: 'good',
  refused: 'bad',
  expired: 'done',
  cancelled: 'done',
}

function State({ state }: { state: RequestState }) {
  const { t } = useTranslation()
  return <Dot tone={TONES[state]}>{t(`requests.state.${state}`)}</Dot>
}

function About({ request }: { request: AccessRequest }) {
  const { t } = useTranslation()
  const { user, server, server_name, rights, reason, decided_by, decision, may } = request
  return (
    <div>
      <strong>{user.name}</strong> → <strong>{server?.name ?? server_name}</strong>
      {may.decide && !server && <span className="soft"> {t('requests.unknown')}</span>}
      <p>{rightsWords(t, rights)}</p>
      <p className="soft">
        {reason} · <Ago at={request.created} /> · <Until at={request.until} />
      </p>
      {decided_by && (
        <p className="soft">
          {t('reviews.by', { name: decided_by })}
          {decision && `: ${decision}`}
        </p>
      )}
    </div>
  )
}

function Waiting({ request, reload }: { request: AccessRequest; reload: () => void }) {
  const { t } = useTranslation()
  const [reason, setReason] = useState('')
  const [term, setTerm] = useState<Term | 'asked'>('asked')
  const terms = useTerms()
  const { busy, problem, run } = useAction()
  const act = (what: () => Promise<unknown>) =>
    run(async () => {
      await what()
      reload()
    })
  const until = () => {
    if (term === 'asked') return null
    const wanted = Date.parse(request.until)
    return new Date(Math.min(wanted, Date.now() + TERMS[term])).toISOString()
  }
  return (
    <div>
      <About request={request} />
      <ProblemNotice problem={problem} />
      {request.may.decide && (
        <form className="decide" onSubmit={(event) => event.preventDefault()}>
          <Choice
            label={t('access.expires')}
            options={{ asked: t('requests.as.asked'), ...terms }}
            value={term}
            choose={setTerm}
          />
          <Field
            label={t('reviews.reason')}
            autoComplete="off"
            value={reason}
            onChange={(event) => setReason(event.target.value)}
          />
          <div className="answers">
            <Button
              type="primary"
              loading={busy}
              disabled={!request.server}
              onClick={() =>
                act(() => approveRequest(request.id, { until: until(), reason: reason.trim() || null }))
              }
            >
              {t('requests.approve')}
            </Button>
            <Button danger loading={busy} onClick={() => act(() => refuseRequest(request.id, reason.trim()))}>
              {t('reviews.refuse')}
            </Button>
          </div>
        </form>
      )}
      {request.may.cancel && (
        <div className="decide">
          <Button loading={busy} onClick={() => act(() => cancelRequest(request.id))}>
            {t('requests.cancel')}
          </Button>
        </div>
      )}
    </div>
  )
}

function useTerms(): Record<Term, string> {
  const { t } = useTranslation()
  return {
    hour: t('requests.term.hour'),
    day: t('tokens.term.day'),
    week: t('tokens.term.week'),
    month: t('tokens.term.month'),
  }
}

function AskForm({ close }: { close: () => void }) {
  const { t } = useTranslation()
  const [server, setServer] = useState('')
  const [rights, setRights] = useState<ReadonlySet<GrantRight>>(new Set(['connect', 'write']))
  const [reason, setReason] = useState('')
  const [term, setTerm] = useState<Term>('day')
  const act = async () => {
    await askForAccess({
      server: server.trim(),
      rights: RIGHTS.filter((right) => rights.has(right)),
      reason: reason.trim(),
      until: new Date(Date.now() + TERMS[term]).toISOString(),
    })
    close()
  }
  return (
    <DialogForm
      title={t('requests.ask')}
      yes={t('requests.ask')}
      ready={server.trim() !== '' && reason.trim() !== '' && rights.size > 0}
      act={act}
      close={close}
    >
      <Field
        label={t('requests.server')}
        hint={t('requests.server.hint')}
        required
        autoFocus
        autoComplete="off"
        value={server}
        onChange={(event) => setServer(event.target.value)}
      />
      <RightsField rights={rights} choose={setRights} />
      <Field
        label={t('requests.reason')}
        required
        autoComplete="off"
        value={reason}
        onChange={(event) => setReason(event.target.value)}
      />
      <Choice label={t('access.expires')} options={useTerms()} value={term} choose={setTerm} />
    </DialogForm>
  )
}

import { Button } from 'antd'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { createToken, deleteToken, listTokens, type Problem } from '../../api/client.ts'
import type { Scope, Token } from '../../api/types.ts'
import { Command } from '../../parts/command.tsx'
import { Dialog } from '../../parts/dialog.tsx'
import { DialogForm } from '../../parts/dialog-form.tsx'
import { Choice, Field } from '../../parts/field.tsx'
import { MadeAndUsed } from '../../parts/made-and-used.tsx'
import { ProblemNotice } from '../../parts/notice.tsx'
import { Secret } from '../../parts/secret.tsx'
import { Until } from '../../parts/until.tsx'
import { useAction, useLoad } from '../../parts/use-load.ts'

const DAYS = { day: 1, week: 7, month: 30, quarter: 90, year: 365, never: null } as const
type Term = keyof typeof DAYS

/** Tokens for programs: made here, shown once. */
export function Tokens() {
  const { t } = useTranslation()
  const { data, problem, reload } = useLoad(listTokens)
  const [making, setMaking] = useState(false)
  const [revoking, setRevoking] = useState<Token | null>(null)
  return (
    <>
      <p className="soft">{t('tokens.lead')}</p>
      <ProblemNotice problem={problem} retry={reload} />
      {data?.length === 0 && (
        <div className="teach">
          <p className="soft">{t('tokens.empty')}</p>
          <Command text="bastide tokens create NAME" />
        </div>
      )}
      {data && data.length > 0 && (
        <ul className="cards">
          {data.map((token) => (
            <li key={token.id} data-token={token.name}>
              <div>
                <strong>{token.name}</strong> <code className="soft">{token.hint}…</code>
                <span className="badge">{t(`tokens.scope.${token.scope}`)}</span>
                <MadeAndUsed made={token.created} used={token.last_used}>
                  {token.expires ? <Until at={token.expires} /> : t('tokens.never')}
                </MadeAndUsed>
              </div>
              <Button
                danger
                aria-label={t('tokens.revoke.what', { name: token.name })}
                onClick={() => setRevoking(token)}
              >
                {t('tokens.revoke')}
              </Button>
            </li>
          ))}
        </ul>
      )}
      <Button onClick={() => setMaking(true)}>{t('tokens.create')}</Button>
      {making && (
        <Create
          close={() => {
            setMaking(false)
            reload()
          }}
        />
      )}
      {revoking && (
        <Revoke
          token={revoking}
          close={() => {
            setRevoking(null)
            reload()
          }}
        />
      )}
    </>
  )
}

function Create({ close }: { close: () => void }) {
  const { t } = useTranslation()
  const [name, setName] = useState('')
  const [scope, setScope] = useState<Scope>('full')
  const [term, setTerm] = useState<Term>('quarter')
  const [secret, setSecret] = useState<string | null>(null)
  const malformed = (problem: Problem | null) => problem?.status === 422
  if (secret) {
    return (
      <Dialog title={t('tokens.done', { name: name.trim() })} close={close}>
        <Secret label={t('tokens.secret')} text={secret}>
          {t('tokens.once')}
        </Secret>
        <p className="soft">{t('tokens.how')}</p>
        <pre className="example">{`curl -H "Authorization: Bearer $TOKEN" \\\n  ${location.origin}/api/v1/sessions`}</pre>
        <div className="dialog-actions">
          <Button onClick={close}>{t('form.done')}</Button>
        </div>
      </Dialog>
    )
  }
  return (
    <DialogForm
      title={t('tokens.create')}
      yes={t('form.create')}
      ready={name.trim() !== ''}
      words={(problem) => (malformed(problem) ? null : undefined)}
      act={async () => setSecret((await createToken(name.trim(), scope, DAYS[term])).secret)}
      close={close}
    >
      {(problem) => (
        <>
          <Field
            label={t('tokens.name')}
            hint={t('tokens.name.hint')}
            autoFocus
            required
            maxLength={64}
            value={name}
            onChange={(event) => setName(event.target.value)}
            error={malformed(problem) ? problem?.message : null}
          />
          <Choice
            label={t('tokens.scope')}
            options={{ full: t('tokens.scope.full.long'), read: t('tokens.scope.read.long') }}
            value={scope}
            choose={setScope}
          />
          <Choice
            label={t('tokens.term')}
            options={{
              day: t('tokens.term.day'),
              week: t('tokens.term.week'),
              month: t('tokens.term.month'),
              quarter: t('tokens.term.quarter'),
              year: t('tokens.term.year'),
              never: t('tokens.term.never'),
            }}
            value={term}
            choose={setTerm}
            hint={term === 'never' ? t('tokens.term.warning') : undefined}
          />
        </>
      )}
    </DialogForm>
  )
}

function Revoke({ token, close }: { token: Token; close: () => void }) {
  const { t } = useTranslation()
  const { busy, problem, run } = useAction()
  const revoke = () =>
    run(async () => {
      await deleteToken(token.id)
      close()
    })
  return (
    <Dialog title={t('tokens.revoke.title', { name: token.name })} close={close}>
      <p>{t('tokens.revoke.lead')}</p>
      <ProblemNotice problem={problem} />
      <div className="dialog-actions">
        <Button onClick={close}>{t('form.cancel')}</Button>
        <Button danger type="primary" loading={busy} onClick={revoke}>
          {t('tokens.revoke')}
        </Button>
      </div>
    </Dialog>
  )
}

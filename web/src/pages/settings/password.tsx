import { Button } from 'antd'
import { type FormEvent, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { changePassword } from '../../api/client.ts'
import { useMe } from '../../api/me.ts'
import { Command } from '../../parts/command.tsx'
import { Field } from '../../parts/field.tsx'
import { NewPassword, passwordsFit } from '../../parts/new-password.tsx'
import { Notice, ProblemNotice } from '../../parts/notice.tsx'
import { useAction } from '../../parts/use-load.ts'

const NOTHING = { first: '', second: '' }

export function Password() {
  const { t } = useTranslation()
  const me = useMe()
  const [open, setOpen] = useState(false)
  const [done, setDone] = useState(false)
  if (!me) return null
  if (!me.user.password_set) {
    return (
      <>
        <p className="soft">{t('password.unset')}</p>
        <Command text={`bastide login-link ${me.user.username}`} />
      </>
    )
  }
  return open ? (
    <Form
      username={me.user.username}
      close={(changed) => {
        setOpen(false)
        setDone(changed)
      }}
    />
  ) : (
    <>
      {done && <Notice tone="good">{t('password.changed')}</Notice>}
      <Button onClick={() => setOpen(true)}>{t('password.change')}</Button>
    </>
  )
}

function Form({ username, close }: { username: string; close: (changed: boolean) => void }) {
  const { t } = useTranslation()
  const [current, setCurrent] = useState('')
  const [passwords, setPasswords] = useState(NOTHING)
  const { busy, problem, run } = useAction()
  const wrong = problem?.kind === 'bad_credentials'
  const submit = (event: FormEvent) => {
    event.preventDefault()
    run(async () => {
      await changePassword(current, passwords.first)
      close(true)
    })
  }
  return (
    <form className="form" onSubmit={submit} aria-label={t('password.change')}>
      {problem && !wrong && problem.kind !== 'weak_password' && <ProblemNotice problem={problem} />}
      <Field
        label={t('password.current')}
        type="password"
        name="current-password"
        autoComplete="current-password"
        autoFocus
        required
        value={current}
        onChange={(event) => setCurrent(event.target.value)}
        error={wrong ? t('password.wrong') : null}
      />
      <NewPassword username={username} passwords={passwords} change={setPasswords} problem={problem} />
      <p className="soft">{t('password.ends')}</p>
      <div className="form-actions">
        <Button
          type="primary"
          htmlType="submit"
          loading={busy}
          disabled={!current || !passwordsFit(passwords, username)}
        >
          {t('password.change')}
        </Button>
        <Button onClick={() => close(false)}>{t('form.cancel')}</Button>
      </div>
    </form>
  )
}

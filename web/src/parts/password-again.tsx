import { Button } from 'antd'
import { type FormEvent, type ReactNode, useState } from 'react'
import { useTranslation } from 'react-i18next'
import type { Problem } from '../api/client.ts'
import { Dialog } from './dialog.tsx'
import { Field } from './field.tsx'
import { ProblemNotice } from './notice.tsx'
import { useAction } from './use-load.ts'

/** A question that is answered with the password: a browser that was left open is not enough. */
export function PasswordAgain({
  title,
  yes,
  needed,
  danger,
  ready = true,
  words,
  act,
  close,
  children,
}: {
  title: string
  /** What the button says that does it. */
  yes: string
  /** They have a password. */
  needed: boolean
  danger?: boolean
  /** All else is filled in. */
  ready?: boolean
  /** What to show for some problems. */
  words?: (problem: Problem) => ReactNode
  act: (password: string) => Promise<unknown>
  close: () => void
  children: ReactNode
}) {
  const { t } = useTranslation()
  const [password, setPassword] = useState('')
  const { busy, problem, run } = useAction()
  const wrong = problem?.kind === 'bad_credentials'
  const submit = (event: FormEvent) => {
    event.preventDefault()
    run(async () => {
      await act(password)
    })
  }
  return (
    <Dialog title={title} close={close}>
      <form className="form" onSubmit={submit}>
        {children}
        {needed && (
          <Field
            label={t('factors.password')}
            type="password"
            name="password"
            autoComplete="current-password"
            required
            value={password}
            onChange={(event) => setPassword(event.target.value)}
            error={wrong ? t('password.wrong') : null}
          />
        )}
        {problem && !wrong && ((words?.(problem) ?? null) || <ProblemNotice problem={problem} />)}
        <div className="dialog-actions">
          <Button onClick={close}>{t('form.cancel')}</Button>
          <Button
            type="primary"
            danger={danger ?? false}
            htmlType="submit"
            loading={busy}
            disabled={!ready || (needed && !password)}
          >
            {yes}
          </Button>
        </div>
      </form>
    </Dialog>
  )
}

import { Button } from 'antd'
import type { ReactNode } from 'react'
import { useTranslation } from 'react-i18next'
import type { Problem } from '../api/client.ts'
import { Dialog } from './dialog.tsx'
import { ProblemNotice } from './notice.tsx'
import { useAction } from './use-load.ts'

/** A form over the page. A refusal is shown, and what was entered stays. */
export function DialogForm({
  title,
  yes,
  ready = true,
  danger = false,
  words,
  beside,
  act,
  close,
  children,
}: {
  title: string
  /** What the button says that does it. */
  yes: string
  /** What is needed is filled in. */
  ready?: boolean
  danger?: boolean
  /** What to say of some problems; null when the form itself says it. The others are in the server's words. */
  words?: (problem: Problem) => ReactNode | undefined
  /** Further buttons. */
  beside?: ReactNode
  /** Closes the form itself, or shows what comes next. */
  act: () => Promise<unknown>
  close: () => void
  children: ReactNode | ((problem: Problem | null) => ReactNode)
}) {
  const { t } = useTranslation()
  const { busy, problem, run } = useAction()
  const said = problem ? words?.(problem) : null
  return (
    <Dialog title={title} close={close}>
      <form
        className="form"
        onSubmit={(event) => {
          event.preventDefault()
          run(async () => {
            await act()
          })
        }}
      >
        {typeof children === 'function' ? children(problem) : children}
        {said === undefined ? <ProblemNotice problem={problem} /> : said}
        <div className="dialog-actions">
          {beside && (
            <>
              {beside}
              <span className="gap" />
            </>
          )}
          <Button onClick={close}>{t('form.cancel')}</Button>
          <Button type="primary" danger={danger} htmlType="submit" loading={busy} disabled={!ready}>
            {yes}
          </Button>
        </div>
      </form>
    </Dialog>
  )
}
